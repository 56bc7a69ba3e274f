namespace Hybrid.Orchestrator.Memory;

/// <summary>What memory is taken for.</summary>
public enum MemoryKind
{
    /// <summary>Parameters of the model that is worked on.</summary>
    Weights,

    /// <summary>Parameters of a second model: the original beside the unlearned one, or the one that an attack copies.</summary>
    SecondModel,

    /// <summary>Gradients of parameters.</summary>
    Gradients,

    /// <summary>Master copies and moments.</summary>
    OptimizerState,

    /// <summary>What a forward pass keeps for backward, what both compute with, and logits.</summary>
    Activations,

    /// <summary>Frozen layers' hidden states.</summary>
    KeptPrefix,

    /// <summary>The copy of the trainable parameters to return to when training diverges.</summary>
    LastGood,
}
