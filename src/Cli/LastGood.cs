using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Cli;

/// <summary>What becomes of a model whose training meets a loss that is no number.</summary>
internal static class LastGood
{
    /// <summary>Runs the training; where it diverges, saves the model, which the training has put back to its last whole pass, and says where.</summary>
    /// <param name="output">Where the model was to go.</param>
    /// <param name="model">The model in training.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="train">The training.</param>
    /// <exception cref="HybridException">Diverged, with the place in the message; whatever else the training throws.</exception>
    public static T OnDivergence<T>(ModelOutput output, LlamaModel model, Tokenizer tokenizer, Func<T> train)
    {
        try
        {
            return train();
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Diverged)
        {
            throw new HybridException(ErrorKind.Diverged, $"{error.Message}; {Save(output, model, tokenizer)}", error);
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
