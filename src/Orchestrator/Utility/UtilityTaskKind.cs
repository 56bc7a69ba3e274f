namespace Hybrid.Orchestrator.Utility;

/// <summary>What of a model's general ability is measured (the RWKU framework, Jin et al. 2024).</summary>
public enum UtilityTaskKind
{
    /// <summary><c>bbh</c>: reasoning, BIG-Bench Hard (Suzgun et al. 2022).</summary>
    Bbh,

    /// <summary><c>truthfulqa</c>: truthfulness, TruthfulQA's MC1 (Lin et al. 2022).</summary>
    TruthfulQA,

    /// <summary><c>triviaqa</c>: factuality, TriviaQA (Joshi et al. 2017).</summary>
    TriviaQA,

    /// <summary><c>fluency</c>: how little answers to AlpacaEval's instructions repeat themselves.</summary>
    Fluency,
}
