using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Cli;

/// <summary>What becomes of a model whose training does not come to its end.</summary>
internal static class UnfinishedTraining
{
    /// <summary>
    /// Runs the training; where it diverges, saves the model, which the training has put back to its last whole pass, and says where; where it is
    /// stopped, says how to go on.
    /// </summary>
    /// <param name="context">Told how to go on.</param>
    /// <param name="journal">The run's; thrown away where it diverges, as it would again.</param>
    /// <param name="output">Where the model was to go.</param>
    /// <param name="model">The model in training.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="train">The training.</param>
    /// <exception cref="HybridException">Diverged, with the place in the message; whatever else the training throws.</exception>
    public static T Guard<T>(CommandContext context, RunJournal journal, ModelOutput output, LlamaModel model, Tokenizer tokenizer, Func<T> train)
    {
        try
        {
            return train();
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Diverged)
        {
            string kept = Save(output, model, tokenizer);
            journal.Finish();
            throw new HybridException(ErrorKind.Diverged, $"{error.Message}; {kept}", error);
        }
        catch (OperationCanceledException) when (journal.HasState)
        {
            context.Error.Profile.Out.Writer.WriteLine($"stopped; the same command with --resume goes on from {journal.Folder}");
            throw;
        }
    }

    /// <summary>Says where the model went, or why it could not be saved: the divergence must be told either way.</summary>
    private static string Save(ModelOutput output, LlamaModel model, Tokenizer tokenizer)
    {
        try
        {
            output.SaveLastGood(model, tokenizer);
            return $"the model as it was after the last whole pass is in {output.LastGoodFolder}";
        }
        catch (HybridException failure) when (failure.Kind is ErrorKind.Io or ErrorKind.ModelFile)
        {
            return $"the model as it was after the last whole pass could not be kept: {failure.Message}";
        }
    }
}
