using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Training;

/// <summary>Makes a model from nothing: a tokenizer learned from a dataset, and random weights for its vocabulary.</summary>
public static class FreshModel
{
    /// <summary>
    /// A byte-level BPE learned from the dataset's questions with their answers and its texts, forget and retain, and an untrained float32
    /// model on the CPU. The caller owns the model. Equal arguments give equal bits.
    /// </summary>
    /// <param name="preset">The shape. The vocabulary may turn out smaller, where the texts have no more pairs to merge.</param>
    /// <param name="dataset">What to learn the tokenizer from.</param>
    /// <param name="random">The run's source of chance; only forks of it are drawn from.</param>
    /// <exception cref="HybridException">DataFile, EmptySplit: the dataset's texts. Tokenizer: the vocabulary does not hold all bytes.</exception>
    public static (LlamaModel Model, Tokenizer Tokenizer) Create(TeachingPreset preset, UnlearningDataset dataset, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(preset);
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(random);
        IEnumerable<string> questions = dataset.ForgetQuestions.Concat(dataset.RetainQuestions)
            .Select(question => McqPrompt.Make(question, QuestionForm.QuestionLetterAnswer).Target);
        Tokenizer tokenizer = BpeLearner.Learn(
            questions.Concat(dataset.ForgetText.Read()).Concat(dataset.RetainText.Read()), preset.Shape.VocabularySize, BpeLearner.Llama3SpecialTokens);
        return (ModelInitializer.Create(preset.Shape with { VocabularySize = tokenizer.VocabularySize }, random.Fork("initialise")), tokenizer);
    }
}
