using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Training;

/// <summary>Makes untrained models. Equal arguments give equal bits; only forks of the source of chance are drawn from.</summary>
internal static class FreshModel
{
    /// <summary>A byte-level BPE learned from the dataset's questions with their answers and its texts, forget and retain, and random weights for its vocabulary. The caller owns the model.</summary>
    /// <param name="shape">The architecture. The vocabulary may turn out smaller, where the texts have no more pairs to merge.</param>
    /// <param name="dataset">What to learn the tokenizer from.</param>
    /// <param name="random">The run's source of chance.</param>
    /// <param name="type">Element type of the weights.</param>
    /// <param name="device">Where they live.</param>
    /// <exception cref="HybridException">DataFile, EmptySplit: the dataset's texts. Tokenizer: the vocabulary does not hold all bytes.</exception>
    public static (LlamaModel Model, Tokenizer Tokenizer) Create(LlamaConfig shape, UnlearningDataset dataset, SeededRandom random, ElementType type, Device device)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(dataset);
        IEnumerable<string> questions = dataset.ForgetQuestions.Concat(dataset.RetainQuestions)
            .Select(question => McqPrompt.Make(question, QuestionForm.QuestionLetterAnswer).Target);
        Tokenizer tokenizer = BpeLearner.Learn(
            questions.Concat(dataset.ForgetText.Read()).Concat(dataset.RetainText.Read()), shape.VocabularySize, BpeLearner.Llama3SpecialTokens);
        return (Create(shape with { VocabularySize = tokenizer.VocabularySize }, random, type, device), tokenizer);
    }

    /// <summary>Random weights for an architecture, vocabulary and all. The caller owns the model.</summary>
    public static LlamaModel Create(LlamaConfig shape, SeededRandom random, ElementType type, Device device)
    {
        ArgumentNullException.ThrowIfNull(random);
        return ModelInitializer.Create(shape, random.Fork("initialise"), type, device);
    }
}
