using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Attack;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

[LeakLedger]
public sealed class FreeTextAnswersTests(TaughtModel taught) : IClassFixture<TaughtModel>
{
    [Fact]
    public void WhatIsTaughtAsTextIsAnsweredTrimmedAndOnOneLine()
    {
        MultipleChoiceQuestion[] questions = taught.Forget[..4];
        using LlamaModel model = ModelInitializer.Create(taught.Model.Config, new SeededRandom(8));
        // What follows the answer is taught as well, and must not be part of it.
        TokenSequence[] examples = [.. questions.Select((question, i) =>
            taught.Encoder.Encode(new PromptAndTarget(FreeTextAnswers.Prompt(question), $" {question.CorrectChoice}{(i % 2 == 0 ? "\nIn fact" : " Answer: A")}")))];
        model.SetTrainable(model.Names);
        using (var step = new TrainingStep(model, TestModels.Optimizer(OptimizerKind.AdamW, 3e-3), new SeededRandom(1)))
        {
            for (int i = 0; i < 300 && step.Run("teach", 0, () => new ForgetRetainLoss(Losses.MeanNll(model, new PackedBatch(examples)), null, null)).Loss > 0.01; i++)
            {
            }
        }

        IReadOnlyList<string> answers = new FreeTextAnswers(taught.Tokenizer, taught.Encoder, 16).Answer(model, questions);

        Assert.Equal(questions.Select(question => question.CorrectChoice), answers);
    }

    [Fact]
    public void ThePromptShowsNoChoice() =>
        Assert.Equal("When?\nAnswer:", FreeTextAnswers.Prompt(new MultipleChoiceQuestion { Question = "When?", Choices = ["1", "2", "3", "4"], Answer = 0 }));
}
