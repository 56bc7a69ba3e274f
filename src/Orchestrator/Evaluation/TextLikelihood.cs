using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>How well a model predicts texts.</summary>
/// <param name="Tokens">Tokens predicted.</param>
/// <param name="MeanNll">Their mean NLL in nats, each token counting the same.</param>
public sealed record TextLikelihood(long Tokens, double MeanNll)
{
    /// <summary>e to the mean NLL.</summary>
    public double Perplexity => Math.Exp(MeanNll);

    /// <summary>Over a corpus; every text begins anew, and its left end is cut away where it is longer than the encoder allows.</summary>
    /// <exception cref="HybridException">EmptySplit: no token to predict. Diverged: a likelihood is not a number. DataFile, Io: the corpus.</exception>
    public static TextLikelihood Of(LlamaModel model, ExampleEncoder encoder, TextCorpus corpus, CancellationToken cancellation = default)
    {
        TokenSequence[] texts = [.. corpus.Read().Select(encoder.EncodeText).Where(text => text.ScoredPositions.Count > 0)];
        long tokens = texts.Sum(text => (long)text.ScoredPositions.Count);
        return tokens > 0
            ? new TextLikelihood(tokens, SequenceLikelihood.SumNll(model, texts, McqEvaluator.UsualBatchSize, cancellation).Sum() / tokens)
            : throw new HybridException(ErrorKind.EmptySplit, "no text to evaluate");
    }
}
