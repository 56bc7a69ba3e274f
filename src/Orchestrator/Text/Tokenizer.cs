using System.Text;

namespace Hybrid.Orchestrator.Text;

/// <summary>
/// A byte-level BPE tokenizer, read from a Hugging Face <c>tokenizer.json</c> such as that of Llama 3 or GPT-2. Immutable, and
/// safe to use from several threads. A file that asks for anything not implemented (a normalizer, an unknown pre-tokenizer
/// pattern, dropout, byte fallback, …) does not load: <see cref="ErrorKind.Tokenizer"/> names the key.
/// </summary>
public sealed class Tokenizer
{
    private readonly ReadOnlyMemory<byte> json;
    private readonly TokenizerDefinition definition;
    private readonly AddedTokenMatcher[] matchers;
    private readonly Dictionary<string, int> addedIds;
    private readonly byte[]?[] bytesOfId;
    private readonly HashSet<int> specialIds;

    private Tokenizer(ReadOnlyMemory<byte> json, TokenizerDefinition definition)
    {
        this.json = json;
        this.definition = definition;
        IReadOnlyList<AddedToken> added = definition.AddedTokens;
        matchers = [.. added.GroupBy(token => token.Normalized).OrderBy(group => group.Key).Select(group => new AddedTokenMatcher(group))];
        addedIds = added.ToDictionary(token => token.Content, token => token.Id, StringComparer.Ordinal);
        specialIds = [.. added.Where(token => token.Special).Select(token => token.Id)];

        bytesOfId = new byte[]?[1 + definition.Model.Vocabulary.Values.Concat(addedIds.Values).Max()];
        foreach ((string token, int id) in definition.Model.Vocabulary)
        {
            bytesOfId[id] = ByteAlphabet.ToBytes(token);
        }

        // An added token is matched as it stands, so it is written back as it stands, outside the byte alphabet.
        foreach ((string content, int id) in addedIds)
        {
            bytesOfId[id] = Encoding.UTF8.GetBytes(content);
        }

        BeginOfText = definition.TemplatePrefix.Count > 0 ? definition.TemplatePrefix[0] : TokenId("<|begin_of_text|>");
        EndOfText = TokenId("<|end_of_text|>") ?? TokenId("<|endoftext|>");
    }

    /// <summary>The highest id plus one, added tokens included. Ids in between that no token has are counted.</summary>
    public int VocabularySize => bytesOfId.Length;

    /// <summary>
    /// The token that starts a sequence: the first that the file's template puts there, else <c>&lt;|begin_of_text|&gt;</c>;
    /// null where the vocabulary has neither.
    /// </summary>
    public int? BeginOfText { get; }

    /// <summary>The id of <c>&lt;|end_of_text|&gt;</c> or else of <c>&lt;|endoftext|&gt;</c>; null where the vocabulary has neither.</summary>
    public int? EndOfText { get; }

    /// <summary>Reads a tokenizer.json.</summary>
    /// <exception cref="HybridException">
    /// <see cref="ErrorKind.Io"/>: the file cannot be read. <see cref="ErrorKind.Tokenizer"/>: it is malformed or asks for a
    /// feature that is not implemented.
    /// </exception>
    public static Tokenizer Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return FromJson(path, ReadFile(path));
    }

    /// <summary>
    /// The ids of a text. No template is applied: nothing is put before or after. Unpaired surrogates are encoded as U+FFFD.
    /// </summary>
    /// <param name="text">Any text; an empty one has no ids.</param>
    /// <param name="specialTokensAsText">
    /// What to do where the text spells a special token. False, as Hugging Face does by default: it becomes that token's id.
    /// True: it is ordinary text, and the result holds no special id whatever the text, so use it for data from strangers.
    /// </param>
    /// <exception cref="HybridException"><see cref="ErrorKind.Tokenizer"/>: the vocabulary has no token for a byte of the text.</exception>
    public int[] Encode(string text, bool specialTokensAsText = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = new((text.Length / 3) + 4);
        AppendIds(text, specialTokensAsText, ids);
        return [.. ids];
    }

    /// <summary>
    /// The ids of a text as the file's post-processor template gives them: for Llama 3, <c>&lt;|begin_of_text|&gt;</c> first.
    /// The same as <see cref="Encode"/> where the file has no template. The parameters and errors are those of <see cref="Encode"/>.
    /// </summary>
    public int[] EncodeWithTemplate(string text, bool specialTokensAsText = false) =>
        [.. definition.TemplatePrefix, .. Encode(text, specialTokensAsText), .. definition.TemplateSuffix];

    /// <summary>
    /// The text of a sequence of ids. Bytes that are not valid UTF-8, as a cut sequence may leave, become U+FFFD.
    /// </summary>
    /// <param name="ids">Ids of tokens.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <exception cref="HybridException"><see cref="ErrorKind.Tokenizer"/>: no token has one of the ids.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        using MemoryStream bytes = new(ids.Length * 4);
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)bytesOfId.Length || bytesOfId[id] is not { } token)
            {
                throw new HybridException(
                    ErrorKind.Tokenizer, $"Decode: no token has the id {id}; expected ids from 0 to {VocabularySize - 1} that are in the vocabulary.");
            }

            if (!(skipSpecialTokens && specialIds.Contains(id)))
            {
                bytes.Write(token);
            }
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    /// <summary>
    /// The id of a token, or null: an added token by its text, any other by its spelling in the file, where <c>Ġ</c> is a blank.
    /// </summary>
    public int? TokenId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return addedIds.TryGetValue(token, out int id) || definition.Model.Vocabulary.TryGetValue(token, out id) ? id : null;
    }

    /// <summary>Whether an id is that of a special token.</summary>
    public bool IsSpecial(int id) => specialIds.Contains(id);

    /// <summary>
    /// Writes the tokenizer.json, byte for byte as it was loaded or made. The file appears whole or not at all: it is written beside
    /// its place and then renamed.
    /// </summary>
    /// <exception cref="HybridException"><see cref="ErrorKind.Io"/>: the file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        AtomicFile.WriteBytes(path, json.Span);
    }

    /// <summary>Reads the content of a tokenizer.json; <paramref name="file"/> is its name in errors.</summary>
    internal static Tokenizer FromJson(string file, ReadOnlyMemory<byte> json) => new(json, TokenizerJson.Read(file, json));

    /// <summary>Reads a tokenizer's file.</summary>
    /// <exception cref="HybridException"><see cref="ErrorKind.Io"/>: it cannot be read.</exception>
    internal static byte[] ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string reason = File.Exists(path) ? exception.Message : "no such file";
            throw new HybridException(ErrorKind.Io, $"{path}: cannot read the tokenizer: {reason}", exception);
        }
    }

    private void AppendIds(string text, bool specialTokensAsText, List<int> ids)
    {
        List<TextSegment> segments = text.Length == 0 ? [] : [new TextSegment(0, text.Length, Id: null)];
        foreach (AddedTokenMatcher matcher in matchers)
        {
            List<TextSegment> finer = [];
            foreach (TextSegment segment in segments)
            {
                if (segment.Id is not null)
                {
                    finer.Add(segment);
                }
                else
                {
                    matcher.Split(text, segment, specialTokensAsText, finer);
                }
            }

            segments = finer;
        }

        foreach (TextSegment segment in segments)
        {
            if (segment.Id is { } id)
            {
                ids.Add(id);
                continue;
            }

            ReadOnlySpan<char> plain = text.AsSpan(segment.Start, segment.Length);
            if (definition.PreTokenizer.Prefix(plain) is { Length: > 0 } prefix)
            {
                plain = string.Concat(prefix, plain);
            }

            for (int start = 0; start < plain.Length;)
            {
                int end = definition.PreTokenizer.Scan(plain, start);
                definition.Model.Encode(plain[start..end], ids);
                start = end;
            }
        }
    }
}
