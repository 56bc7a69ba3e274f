namespace Hybrid.Orchestrator.Attack;

/// <summary>The ways there are of looking whether knowledge was removed from the weights or only covered; docs/attacks.md defines them.</summary>
internal enum AttackKind
{
    /// <summary>Retraining on part of the forgotten facts.</summary>
    Rtt,

    /// <summary>Rounding the weights to few bits.</summary>
    Quantization,

    /// <summary>Retraining on text that has nothing to do with the forgotten facts.</summary>
    RetainRelearning,
}
