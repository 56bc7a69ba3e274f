using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Text;

/// <summary>The real Llama 3 tokenizer against ids that another implementation gave.</summary>
public sealed class Llama3VectorsTests
{
    private const string Folder = "data/llama3-tokenizer";
    private static readonly Lazy<Tokenizer> Llama3 = new(() => Tokenizer.Load(SharedData.Find($"{Folder}/tokenizer.json")!));
    private static readonly Lazy<TokenizerVectors> Vectors = new(() => TokenizerVectors.Read(SharedData.Find($"{Folder}/vectors.jsonl")!));

    [SharedDataFact($"{Folder}/vectors.jsonl")]
    public void EveryVectorMatches()
    {
        TokenizerVectorReport report = Vectors.Value.Compare(Llama3.Value);

        Assert.Empty(report.Mismatches.Select(mismatch => $"line {mismatch.Vector.Line}, id {mismatch.FirstDifference}: {mismatch.Vector.Text}"));
        Assert.Equal(198, report.Matched);
    }

    [SharedDataFact($"{Folder}/vectors.jsonl")]
    public void DecodingGivesEveryTextBack()
    {
        foreach (TokenizerVector vector in Vectors.Value.Vectors)
        {
            Assert.Equal(vector.Text, Llama3.Value.Decode(Llama3.Value.Encode(vector.Text)));
            Assert.Equal(vector.Text, Llama3.Value.Decode(Llama3.Value.Encode(vector.Text, specialTokensAsText: true)));
        }
    }

    [SharedDataFact($"{Folder}/tokenizer.json")]
    public void KnowsItsSizeSpecialTokensAndTemplate()
    {
        Tokenizer tokenizer = Llama3.Value;

        Assert.Equal(128256, tokenizer.VocabularySize);
        Assert.Equal(128000, tokenizer.BeginOfText);
        Assert.Equal(128001, tokenizer.EndOfText);
        Assert.Equal(1917, tokenizer.TokenId("Ġworld"));
        Assert.Equal([128000, 9906, 1917], tokenizer.EncodeWithTemplate("Hello world"));
        Assert.Equal("Hello world", tokenizer.Decode([128000, 9906, 1917], skipSpecialTokens: true));
        Assert.DoesNotContain(tokenizer.Encode("<|begin_of_text|>x<|eot_id|>", specialTokensAsText: true), tokenizer.IsSpecial);
    }

    [SharedDataFact($"{Folder}/tokenizer.json")]
    public void SavingKeepsTheFileByteForByte()
    {
        using TemporaryFolder folder = new();
        string copy = folder.File("tokenizer.json");
        Llama3.Value.Save(copy);

        Assert.Equal(File.ReadAllBytes(SharedData.Find($"{Folder}/tokenizer.json")!), File.ReadAllBytes(copy));
        Assert.Equal([copy], Directory.GetFiles(Path.GetDirectoryName(copy)!));
    }
}
