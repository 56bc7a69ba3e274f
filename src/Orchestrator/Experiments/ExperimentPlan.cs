using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>What an experiment will do, without doing it.</summary>
public static class ExperimentPlan
{
    /// <summary>Methods that are compared get the same number of optimizer steps, where the experiment says so.</summary>
    /// <exception cref="HybridException">Config: they do not.</exception>
    internal static void RequireEqualSteps(ExperimentSettings settings, UnlearningDataset dataset)
    {
        if (settings.Selection is not { EqualSteps: true })
        {
            return;
        }

        string[] budgets = [.. settings.Methods.SelectMany(plan => plan.Candidates.Select(candidate => $"{plan.Label} {StepsOf(candidate.Settings, dataset)}")).Distinct()];
        if (settings.Methods.SelectMany(plan => plan.Candidates).Select(candidate => StepsOf(candidate.Settings, dataset)).Distinct().Count() > 1)
        {
            throw new HybridException(ErrorKind.Config, $"selection.equal-steps: the methods' optimizer steps differ: {string.Join(", ", budgets)}");
        }
    }

    /// <summary>Optimizer steps of unlearning with these settings.</summary>
    internal static int StepsOf(UnlearningSettings settings, UnlearningDataset dataset) => settings.CreateMethod().CountSteps(
        ExampleSets.Count(dataset.ForgetQuestions.Count(), dataset.ForgetText, settings.ForgetForm),
        ExampleSets.Count(dataset.RetainQuestions.Count, dataset.RetainText, settings.RetainForm));
}
