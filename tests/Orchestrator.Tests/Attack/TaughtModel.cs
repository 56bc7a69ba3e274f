using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Tests.Attack;

/// <summary>A tiny model that was taught the birth years of invented people, with its tokenizer and its questions.</summary>
public sealed class TaughtModel : IDisposable
{
    public TaughtModel()
    {
        Data = BirthdayMaker.Make(20, 1);
        MultipleChoiceQuestion[] questions = [.. Data.ForgetQuestions, .. Data.RetainQuestions];
        Tokenizer = BpeLearner.Learn(questions.Select(question => McqPrompt.Make(question, QuestionForm.QuestionLetterAnswer).Target), 500, BpeLearner.Llama3SpecialTokens);
        Encoder = new ExampleEncoder(Tokenizer, 128);
        Evaluator = new McqEvaluator(Encoder, 16);
        Model = ModelInitializer.Create(
            TestModels.Config(layers: 3, hidden: 32, vocabulary: Tokenizer.VocabularySize) with { Heads = 4, KeyValueHeads = 2, HeadDimension = 8, MaximumPositions = 128, RopeTheta = 10_000 },
            new SeededRandom(2));
        Teach([.. questions.Select(question => Encoder.Encode(question, QuestionForm.LetterAnswer))]);
    }

    public UnlearningDataset Data { get; }

    public Tokenizer Tokenizer { get; }

    public ExampleEncoder Encoder { get; }

    public McqEvaluator Evaluator { get; }

    public LlamaModel Model { get; }

    public MultipleChoiceQuestion[] Forget => [.. Data.ForgetQuestions];

    public double ForgetAccuracy(LlamaModel model) => Evaluator.Evaluate(model, Forget).Accuracy;

    public double RetainAccuracy(LlamaModel model) => Evaluator.Evaluate(model, Data.RetainQuestions).Accuracy;

    public TokenSequence[] Encode(IEnumerable<MultipleChoiceQuestion> questions) => [.. questions.Select(question => Encoder.Encode(question, QuestionForm.LetterAnswer))];

    public void Dispose() => Model.Dispose();

    private void Teach(TokenSequence[] examples)
    {
        Model.SetTrainable(Model.Names);
        using var step = new TrainingStep(Model, TestModels.Optimizer(OptimizerKind.AdamW, 3e-3, warmupSteps: 20), new SeededRandom(1));
        var random = new SeededRandom(3);
        for (int epoch = 0; epoch < 300; epoch++)
        {
            double loss = 0;
            foreach (int[] batch in BatchSampler.Epoch(examples.Length, 10, random))
            {
                var packed = new PackedBatch([.. batch.Select(i => examples[i])]);
                loss += step.Run("teach", 0, () => new ForgetRetainLoss(Losses.MeanNll(Model, packed), null, null)).Loss / 4;
            }

            if (loss < 0.01)
            {
                break;
            }
        }
    }
}
