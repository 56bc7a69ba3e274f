using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Data;

/// <summary>Makes what some methods teach in the forget set's place.</summary>
internal static class ReplacementSets
{
    /// <summary>
    /// Wrong answers (RIA): each forget question with one of its choices whose text is not the right one's, drawn once; in corpus form the
    /// dataset's wrong texts.
    /// </summary>
    /// <exception cref="HybridException">DataFile: a question has no wrong choice, or there are no wrong texts. EmptySplit.</exception>
    public static IReadOnlyList<TokenSequence> WrongAnswers(UnlearningDataset dataset, ExampleForm form, ExampleEncoder encoder, SeededRandom random) => form == ExampleForm.Corpus
        ? ExampleSets.Scored($"{dataset.Name}: wrong texts", dataset.WrongText.Read().Select(encoder.EncodeText))
        : ExampleSets.Scored($"{dataset.Name}: wrong answers", dataset.ForgetQuestions.Select(question => encoder.Encode(McqPrompt.Make(question, WrongChoice(question, dataset.Name, random), ExampleSets.QuestionFormOf(form)))));

    /// <summary>
    /// Refusals (DPO): each forget question answered with one of <see cref="Refusals.Texts"/>, drawn once. What is scored is as in the forget
    /// set: the answer, or in <see cref="ExampleForm.QuestionLetterAnswer"/> the question too.
    /// </summary>
    /// <exception cref="HybridException">Config: the form is not made of questions. EmptySplit.</exception>
    public static IReadOnlyList<TokenSequence> Refusals(UnlearningDataset dataset, ExampleForm form, ExampleEncoder encoder, SeededRandom random)
    {
        bool questionScored = ExampleSets.QuestionFormOf(form) == QuestionForm.QuestionLetterAnswer;
        return ExampleSets.Scored($"{dataset.Name}: refusals", dataset.ForgetQuestions.Select(question =>
        {
            string prompt = McqPrompt.Render(question), refusal = " " + Data.Refusals.Texts[random.NextInt(Data.Refusals.Texts.Count)];
            return encoder.Encode(questionScored ? new PromptAndTarget(string.Empty, prompt + refusal) : new PromptAndTarget(prompt, refusal));
        }));
    }

    private static int WrongChoice(MultipleChoiceQuestion question, string dataset, SeededRandom random)
    {
        // Published data has rows that repeat a choice, the right one too.
        int[] wrong = [.. Enumerable.Range(0, question.Choices.Count).Where(choice => question.Choices[choice] != question.CorrectChoice)];
        return wrong.Length > 0
            ? wrong[random.NextInt(wrong.Length)]
            : throw new HybridException(ErrorKind.DataFile, $"{dataset}: all choices of '{question.Question.ReplaceLineEndings(" ")}' are the right one; expected a wrong one");
    }
}
