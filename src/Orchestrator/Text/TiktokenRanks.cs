using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Hybrid.Orchestrator.Text;

/// <summary>
/// A vocabulary in tiktoken's form: a line <c>BASE64 RANK</c> for each token. A token's rank is its id, and says when it is merged: of the
/// neighbours whose joined bytes are a token, those of the lowest rank first, the leftmost among equals.
/// </summary>
internal sealed class TiktokenRanks
{
    /// <summary>Llama 3's file has 2.2 MB; what is far larger is another thing.</summary>
    private const int MostFileBytes = 1 << 23;

    /// <summary>Llama 3's longest token is 128 blanks. All splits of a token are looked for, in time that rises with the square of its length.</summary>
    private const int MostTokenBytes = 256;

    private const string LineForm = "BASE64 RANK";
    private const int Bytes = 256;

    /// <summary>Printable ASCII and line breaks.</summary>
    private static readonly SearchValues<byte> Printable =
        SearchValues.Create([.. Enumerable.Range(0x20, 0x5F).Select(value => (byte)value), (byte)'\r', (byte)'\n']);

    private TiktokenRanks(string[] tokens) => Tokens = tokens;

    /// <summary>The tokens in the byte-level alphabet; the rank of each is its index.</summary>
    public IReadOnlyList<string> Tokens { get; }

    /// <summary>
    /// The merges that a tokenizer.json needs for the same ids, in the order of <c>transformers</c>' conversion: every split of a token into two
    /// tokens, by the token's rank, then the left part's. Of these splits only one ever comes about, since merging by rank takes a token's bytes
    /// through the same stages wherever they stand; so neither the order of a token's splits nor the further ones change an id.
    /// </summary>
    public List<(string Left, string Right)> Merges()
    {
        Dictionary<string, int> ranks = new(Tokens.Count, StringComparer.Ordinal);
        for (int rank = 0; rank < Tokens.Count; rank++)
        {
            ranks.Add(Tokens[rank], rank);
        }

        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = ranks.GetAlternateLookup<ReadOnlySpan<char>>();
        List<(string Left, string Right)> merges = [];
        List<(int Left, int Right)> splits = [];
        foreach (string token in Tokens)
        {
            splits.Clear();
            for (int cut = 1; cut < token.Length; cut++)
            {
                if (lookup.TryGetValue(token.AsSpan(0, cut), out int left) && lookup.TryGetValue(token.AsSpan(cut), out int right))
                {
                    splits.Add((left, right));
                }
            }

            splits.Sort();
            merges.AddRange(splits.Select(split => (Tokens[split.Left], Tokens[split.Right])));
        }

        return merges;
    }

    /// <summary>Reads the content of a file, whose name errors give with the line.</summary>
    /// <exception cref="HybridException">
    /// Tokenizer: not text of that form, ranks that are not 0 to the number of tokens − 1 each once, a token twice, or a byte without a token.
    /// </exception>
    public static TiktokenRanks Read(string file, ReadOnlySpan<byte> content)
    {
        if (content.Length > MostFileBytes)
        {
            throw Error(file, $"{content.Length} bytes; expected tiktoken's text of at most {MostFileBytes}");
        }

        // SentencePiece's file of the same name is a protocol buffer, which has control characters from its second byte on.
        if (content.Length == 0 || content[..Math.Min(content.Length, Bytes)].ContainsAnyExcept(Printable))
        {
            throw Error(
                file,
                $"{(content.Length == 0 ? "is empty" : "is not text; Llama 2's, Mistral's and Zephyr's are SentencePiece models, which are not read")}; expected tiktoken's lines '{LineForm}' as Llama 3's has, or a tokenizer.json beside it");
        }

        List<(string Token, int Rank, int Line)> entries = [];
        int line = 0;
        foreach (Range range in content.Split((byte)'\n'))
        {
            line++;
            ReadOnlySpan<byte> text = content[range];
            if (text.IsEmpty && range.Start.Value == content.Length)
            {
                break; // after the last line break
            }

            entries.Add(ReadLine(file, line, text.EndsWith("\r"u8) ? text[..^1] : text));
        }

        return new TiktokenRanks(InOrder(file, entries));
    }

    private static (string Token, int Rank, int Line) ReadLine(string file, int line, ReadOnlySpan<byte> text)
    {
        int blank = text.IndexOf((byte)' ');
        if (blank <= 0 || blank == text.Length - 1)
        {
            throw Error(file, line, $"expected '{LineForm}', got {Quote(text)}");
        }

        ReadOnlySpan<byte> base64 = text[..blank], digits = text[(blank + 1)..];
        if (base64.Length > Base64.GetMaxEncodedToUtf8Length(MostTokenBytes))
        {
            throw TooLong(file, line);
        }

        Span<byte> token = stackalloc byte[MostTokenBytes + 2], again = stackalloc byte[base64.Length];
        OperationStatus status = Base64.DecodeFromUtf8(base64, token, out _, out int length);
        // Encoding it again refuses blanks and stray bits, which decoding skips.
        if (status is not OperationStatus.Done || length == 0
            || Base64.EncodeToUtf8(token[..length], again, out _, out int written) is not OperationStatus.Done || !again[..written].SequenceEqual(base64))
        {
            throw Error(file, line, $"expected a token in base64, got {Quote(base64)}");
        }

        if (length > MostTokenBytes)
        {
            throw TooLong(file, line);
        }

        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int rank))
        {
            throw Error(file, line, $"expected a rank of at least 0 after the token, got {Quote(digits)}");
        }

        Span<char> characters = stackalloc char[length];
        ByteAlphabet.ToChars(token[..length], characters);
        return (new string(characters), rank, line);
    }

    /// <summary>The tokens by rank, where the ranks have neither gaps nor repetitions.</summary>
    private static string[] InOrder(string file, List<(string Token, int Rank, int Line)> entries)
    {
        string[] tokens = new string[entries.Count];
        int[] lines = new int[entries.Count];
        Dictionary<string, int> lineOf = new(entries.Count, StringComparer.Ordinal);
        foreach ((string token, int rank, int line) in entries)
        {
            if (rank >= tokens.Length)
            {
                throw Error(file, line, $"rank {rank}; expected each of 0 to {tokens.Length - 1} once, as the file has {tokens.Length} tokens");
            }

            if (tokens[rank] is not null)
            {
                throw Error(file, line, $"rank {rank} stands in line {lines[rank]} too; expected each rank once");
            }

            if (!lineOf.TryAdd(token, line))
            {
                throw Error(file, line, $"the token {JsonSection.Quote(token)} stands in line {lineOf[token]} too; expected each token once");
            }

            (tokens[rank], lines[rank]) = (token, line);
        }

        for (int value = 0; value < Bytes; value++)
        {
            if (!lineOf.ContainsKey(ByteAlphabet.ToChar((byte)value).ToString()))
            {
                throw Error(file, $"no token for the byte 0x{value:X2}; expected one for each of the {Bytes} bytes");
            }
        }

        return tokens;
    }

    private static HybridException TooLong(string file, int line) => Error(file, line, $"a token longer than {MostTokenBytes} bytes");

    private static string Quote(ReadOnlySpan<byte> text) => JsonSection.Quote(Encoding.UTF8.GetString(text));

    private static HybridException Error(string file, int line, string problem) => Error($"{file}:{line}", problem);

    private static HybridException Error(string place, string problem) => new(ErrorKind.Tokenizer, $"{place}: {problem}.");
}
