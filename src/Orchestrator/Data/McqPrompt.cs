using System.Text;

namespace Hybrid.Orchestrator.Data;

/// <summary>Which part of a question with its answer is scored in training.</summary>
public enum QuestionForm
{
    /// <summary><c>question-letter-answer</c>: every token of question, choices, letter and answer.</summary>
    QuestionLetterAnswer,

    /// <summary><c>letter-answer</c>: what follows "Answer:", letter and answer.</summary>
    LetterAnswer,

    /// <summary><c>letter</c>: the letter alone.</summary>
    Letter,
}

/// <summary>A training text in two parts; the text is the one followed by the other with nothing between.</summary>
/// <param name="Prompt">What is given, not scored. Empty when everything is scored.</param>
/// <param name="Target">What is scored. When it follows a prompt it begins with a space, as tokenizers want it.</param>
public sealed record PromptAndTarget(string Prompt, string Target);

/// <summary>Renders questions for training and evaluation. Tokens are made elsewhere.</summary>
internal static class McqPrompt
{
    /// <summary>The letters of the choices, in order.</summary>
    public static IReadOnlyList<string> Letters { get; } = Array.AsReadOnly<string>(["A", "B", "C", "D"]);

    /// <summary>The prompt that ends before the answer: <c>{question}\nA. …\nB. …\nC. …\nD. …\nAnswer:</c>.</summary>
    /// <param name="question">The question.</param>
    /// <returns>The prompt, without a space at its end.</returns>
    public static string Render(MultipleChoiceQuestion question)
    {
        ArgumentNullException.ThrowIfNull(question);
        StringBuilder prompt = new(question.Question);
        for (int choice = 0; choice < question.Choices.Count; choice++)
        {
            prompt.Append('\n').Append(Letters[choice]).Append(". ").Append(question.Choices[choice]);
        }

        return prompt.Append("\nAnswer:").ToString();
    }

    /// <summary>A question with its right answer.</summary>
    /// <param name="question">The question.</param>
    /// <param name="form">What is scored.</param>
    /// <returns>Prompt and target.</returns>
    public static PromptAndTarget Make(MultipleChoiceQuestion question, QuestionForm form)
    {
        ArgumentNullException.ThrowIfNull(question);
        return Make(question, question.Answer, form);
    }

    /// <summary>A question with any of its choices as answer: RIA trains towards a wrong one.</summary>
    /// <param name="question">The question.</param>
    /// <param name="choice">The choice given as answer, 0 to 3.</param>
    /// <param name="form">What is scored.</param>
    /// <returns>Prompt and target.</returns>
    public static PromptAndTarget Make(MultipleChoiceQuestion question, int choice, QuestionForm form)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(choice);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(choice, MultipleChoiceQuestion.ChoiceCount);
        string prompt = Render(question);
        string letter = $" {Letters[choice]}";
        string letterAndAnswer = $"{letter}. {question.Choices[choice]}";
        return form switch
        {
            QuestionForm.QuestionLetterAnswer => new("", prompt + letterAndAnswer),
            QuestionForm.LetterAnswer => new(prompt, letterAndAnswer),
            QuestionForm.Letter => new(prompt, letter),
            _ => throw new ArgumentOutOfRangeException(nameof(form)),
        };
    }
}
