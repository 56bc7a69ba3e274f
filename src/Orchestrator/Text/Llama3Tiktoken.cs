namespace Hybrid.Orchestrator.Text;

/// <summary>
/// Reads Llama 3's tokenizer.model, which is in tiktoken's form: its tokens with their ranks, to which this adds what the file does not hold,
/// Llama 3's pattern and special tokens. The result is what its tokenizer.json gives, and saves as one.
/// </summary>
internal static class Llama3Tiktoken
{
    /// <summary>What the file is called in a model's folder; SentencePiece models have the same name.</summary>
    public const string FileName = "tokenizer.model";

    /// <summary>Reads a tokenizer.model. The files beside it say which of Llama 3.0's and 3.1's names the special tokens have.</summary>
    /// <exception cref="HybridException">
    /// Io: a file cannot be read. Tokenizer: it is a SentencePiece model or another model's, or a line is malformed; the message names file and line.
    /// </exception>
    public static Tokenizer Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        TiktokenRanks ranks = TiktokenRanks.Read(path, Tokenizer.ReadFile(path));
        if (ranks.Tokens.Count != Llama3SpecialTokens.FirstId)
        {
            // Llama 4's file has this form and name, too, but another pattern and other special tokens.
            throw new HybridException(
                ErrorKind.Tokenizer,
                $"{path}: {ranks.Tokens.Count} tokens; expected Llama 3's {Llama3SpecialTokens.FirstId}, as how another model cuts text and which special tokens it has is not in this file, but in its tokenizer.json");
        }

        return From(path, ranks, Llama3SpecialTokens.Choose(Path.GetDirectoryName(Path.GetFullPath(path))!));
    }

    /// <summary>A tokenizer of the ranks and of special tokens whose ids follow; <paramref name="file"/> is the name in errors.</summary>
    internal static Tokenizer From(string file, TiktokenRanks ranks, IReadOnlyList<string> specialTokens) =>
        Tokenizer.FromJson(file, TokenizerJsonWriter.Write(ranks.Tokens, ranks.Merges(), specialTokens));
}
