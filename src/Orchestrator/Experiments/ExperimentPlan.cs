using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>A kind of job in a plan.</summary>
/// <param name="Stage">What is done.</param>
/// <param name="Jobs">How many jobs.</param>
/// <param name="StepsEach">Optimizer steps of each: the fewest and the most.</param>
/// <param name="TotalSteps">Optimizer steps of all.</param>
public sealed record PlannedStage(string Stage, int Jobs, (int Fewest, int Most) StepsEach, long TotalSteps);

/// <summary>What an experiment will do, without doing it.</summary>
public static class ExperimentPlan
{
    /// <summary>Optimizer steps of unlearning with these settings.</summary>
    internal static int StepsOf(UnlearningSettings settings, SeedWorld world) =>
        settings.CreateMethod().CountSteps(ExampleSets.Count(world.Dataset.ForgetQuestions.Count(), world.Dataset.ForgetText, settings.ForgetForm), ExampleSets.Count(world.Dataset.RetainQuestions.Count, world.Dataset.RetainText, settings.RetainForm));
}
