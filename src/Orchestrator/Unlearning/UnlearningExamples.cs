using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>The examples that a run of a method works on, as its settings ask for them.</summary>
public sealed record UnlearningExamples
{
    private UnlearningExamples()
    {
    }

    /// <summary>The forget set.</summary>
    public required IReadOnlyList<TokenSequence> Forget { get; init; }

    /// <summary>The retain set.</summary>
    public required IReadOnlyList<TokenSequence> Retain { get; init; }

    /// <summary>What is to be said in place of the forget set; empty for methods that teach nothing in its place.</summary>
    public required IReadOnlyList<TokenSequence> Replacements { get; init; }

    /// <summary>Examples that are there already.</summary>
    public static UnlearningExamples Of(IReadOnlyList<TokenSequence> forget, IReadOnlyList<TokenSequence> retain, IReadOnlyList<TokenSequence>? replacements = null) =>
        new() { Forget = forget, Retain = retain, Replacements = replacements ?? [] };

    /// <summary>Makes them.</summary>
    /// <param name="dataset">The dataset.</param>
    /// <param name="settings">Method and forms.</param>
    /// <param name="encoder">Makes token sequences.</param>
    /// <param name="random">The run's source of chance; only forks of it are drawn from. Equal seeds draw equal replacements.</param>
    /// <exception cref="HybridException">EmptySplit, DataFile: the dataset does not have what the forms ask for.</exception>
    public static UnlearningExamples For(UnlearningDataset dataset, UnlearningSettings settings, ExampleEncoder encoder, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(random);
        return new UnlearningExamples
        {
            // RIA passes over wrong texts in their place; a dataset may have these alone.
            Forget = settings is { Options.Replacements: ReplacementKind.WrongAnswers, ForgetForm: ExampleForm.Corpus } ? [] : ExampleSets.Forget(dataset, settings.ForgetForm, encoder),
            Retain = ExampleSets.Retain(dataset, settings.RetainForm, encoder),
            Replacements = settings.Options.Replacements switch
            {
                ReplacementKind.WrongAnswers => ReplacementSets.WrongAnswers(dataset, settings.ForgetForm, encoder, random.Fork("wrong answers")),
                ReplacementKind.Refusals => ReplacementSets.Refusals(dataset, settings.ForgetForm, encoder, random.Fork("refusals")),
                _ => [],
            },
        };
    }
}
