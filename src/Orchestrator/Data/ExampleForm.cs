using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Data;

/// <summary>What a set of training examples is made of: the questions in one of their forms, or the facts as text.</summary>
public enum ExampleForm
{
    /// <summary>Questions, everything scored.</summary>
    QuestionLetterAnswer,

    /// <summary>Questions, what follows "Answer:" scored.</summary>
    LetterAnswer,

    /// <summary>Questions, the letter alone scored.</summary>
    Letter,

    /// <summary>The facts as text, everything scored.</summary>
    Corpus,
}

/// <summary>Makes the forget and retain sets of a dataset.</summary>
public static class ExampleSets
{
    /// <summary>The forget set: the forget splits' questions, or their texts.</summary>
    /// <exception cref="HybridException">EmptySplit, DataFile.</exception>
    public static IReadOnlyList<TokenSequence> Forget(UnlearningDataset dataset, ExampleForm form, ExampleEncoder encoder) =>
        Make($"{dataset.Name}: forget set", [.. dataset.ForgetQuestions], dataset.ForgetText, form, encoder);

    /// <summary>The retain set: the retain questions, or the retain text.</summary>
    /// <exception cref="HybridException">EmptySplit, DataFile.</exception>
    public static IReadOnlyList<TokenSequence> Retain(UnlearningDataset dataset, ExampleForm form, ExampleEncoder encoder) =>
        Make($"{dataset.Name}: retain set", dataset.RetainQuestions, dataset.RetainText, form, encoder);

    /// <summary>How many examples a set has, without making them.</summary>
    internal static int Count(int questions, TextCorpus text, ExampleForm form) => form == ExampleForm.Corpus ? text.Read().Count : questions;

    /// <summary>The examples, if there are any and each has a token to score.</summary>
    internal static IReadOnlyList<TokenSequence> Scored(string what, IEnumerable<TokenSequence> examples)
    {
        TokenSequence[] made = [.. examples];
        int unscored = Array.FindIndex(made, example => example.ScoredPositions.Count == 0);
        if (unscored >= 0)
        {
            throw new HybridException(ErrorKind.DataFile, $"{what}: example {unscored + 1} is a single token, which nothing predicts; every example needs one to score");
        }

        return made.Length > 0 ? made : throw new HybridException(ErrorKind.EmptySplit, $"{what} has no example");
    }

    /// <summary>The form of a question in a set that is made of questions.</summary>
    /// <exception cref="HybridException">Config: the set is made of text.</exception>
    internal static QuestionForm QuestionFormOf(ExampleForm form) => form switch
    {
        ExampleForm.QuestionLetterAnswer => QuestionForm.QuestionLetterAnswer,
        ExampleForm.LetterAnswer => QuestionForm.LetterAnswer,
        ExampleForm.Letter => QuestionForm.Letter,
        ExampleForm.Corpus => throw new HybridException(ErrorKind.Config, "form corpus has no questions; expected question-letter-answer, letter-answer or letter"),
        _ => throw new ArgumentOutOfRangeException(nameof(form), form, "unknown form"),
    };

    private static IReadOnlyList<TokenSequence> Make(string what, IReadOnlyList<MultipleChoiceQuestion> questions, TextCorpus text, ExampleForm form, ExampleEncoder encoder) => Scored(
        what, form == ExampleForm.Corpus ? text.Read().Select(encoder.EncodeText) : questions.Select(question => encoder.Encode(question, QuestionFormOf(form))));
}
