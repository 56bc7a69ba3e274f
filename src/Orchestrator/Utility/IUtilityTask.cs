namespace Hybrid.Orchestrator.Utility;

/// <summary>One task of the utility suite: its rows, prompts and scores.</summary>
internal interface IUtilityTask
{
    /// <summary>Which task it is.</summary>
    UtilityTaskKind Kind { get; }

    /// <summary>Names of the scores that every item has; the first is the task's metric, the rest are for comparison.</summary>
    IReadOnlyList<string> Metrics { get; }

    /// <summary>Rows of the file.</summary>
    int Count { get; }

    /// <summary>Asks the given rows.</summary>
    /// <param name="runner">Puts prompts to the model.</param>
    /// <param name="rows">Positions of rows, from 0.</param>
    /// <returns>An item for each, in their order.</returns>
    IReadOnlyList<UtilityItem> Run(UtilityRunner runner, IReadOnlyList<int> rows);
}
