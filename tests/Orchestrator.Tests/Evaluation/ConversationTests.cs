using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Text;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

/// <summary>Conversations against prompts that are written and continued from nothing, on a model of 64 positions.</summary>
[LeakLedger]
public sealed class ConversationTests : IDisposable
{
    private const int Most = 6;
    private static readonly Tokenizer Tokenizer = BpeLearner.Learn(["user user\nassistant assistant\nsystem system"], 290, ["<|begin_of_text|>", "<|end_of_text|>", "<|im_start|>", "<|im_end|>"]);
    private static readonly SamplingOptions Sampling = new() { Temperature = 1.5, TopP = 0.9, Seed = 4 };

    private readonly LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: Tokenizer.VocabularySize), 3);

    public void Dispose() => model.Dispose();

    [Fact]
    public void EveryAnswerIsThatOfTheWholeConversation()
    {
        using Conversation conversation = New(SamplingOptions.Greedy);
        conversation.System = "Be";
        List<ChatTurn> turns = [new(ChatRole.System, "Be")];
        foreach (string user in new[] { "a", "b c" })
        {
            turns.Add(new(ChatRole.User, user));
            int[] prompt = ChatTemplate.ChatMl.Encode(Tokenizer, turns);
            Completion expected = Fresh(prompt, SamplingOptions.Greedy);
            var pieces = new List<string>();

            ConversationAnswer answer = conversation.Reply(user, pieces.Add);

            Assert.Equal(expected.Tokens, answer.Completion.Tokens);
            Assert.Equal((expected.Text, expected.StopReason), (answer.Completion.Text, answer.Completion.StopReason));
            Assert.Equal(expected.Text, string.Concat(pieces));
            Assert.Equal((prompt.Length, 0), (answer.PromptTokens, answer.DroppedTurns));
            turns.Add(new(ChatRole.Assistant, expected.Text));
        }

        Assert.Equal(turns.Skip(1), conversation.Turns);
    }

    [Fact]
    public void OnlyWhatIsNewIsRead()
    {
        using Conversation conversation = New(SamplingOptions.Greedy);
        ConversationAnswer first = conversation.Reply("a", _ => { });
        ConversationAnswer second = conversation.Reply("b", _ => { });

        // The answer's tokens but the last have been read, as far as its text has the same ids when it is encoded again.
        int[] before = ChatTemplate.ChatMl.Encode(Tokenizer, [new(ChatRole.User, "a")]), after = ChatTemplate.ChatMl.Encode(Tokenizer, [.. conversation.Turns.Take(3)]);
        int common = after.AsSpan().CommonPrefixLength([.. before, .. first.Completion.Tokens.SkipLast(1)]);
        Assert.InRange(common, before.Length, after.Length - 1);
        Assert.Equal((before.Length, after.Length - common), (first.ReadTokens, second.ReadTokens));
    }

    [Fact]
    public void AResetForgetsTheTurnsAndKeepsTheSystemMessage()
    {
        using Conversation conversation = New(SamplingOptions.Greedy);
        conversation.System = "Be";
        Completion first = conversation.Reply("a", _ => { }).Completion;
        conversation.Reply("b", _ => { });

        conversation.Reset();

        Assert.Empty(conversation.Turns);
        ConversationAnswer again = conversation.Reply("a", _ => { });
        Assert.Equal((first.Text, 1), (again.Completion.Text, again.ReadTokens)); // all but the last token of this prompt are still there
        conversation.Reset();
        conversation.System = null;
        int[] prompt = ChatTemplate.ChatMl.Encode(Tokenizer, [new(ChatRole.User, "a")]);
        Assert.Equal(Fresh(prompt, SamplingOptions.Greedy).Text, conversation.Reply("a", _ => { }).Completion.Text);
    }

    [Fact]
    public void TheOldestTurnsMakeRoomAndTheSystemMessageStays()
    {
        using Conversation conversation = New(SamplingOptions.Greedy);
        conversation.System = "Be brief";
        int dropped = 0;
        for (int i = 0; i < 6; i++)
        {
            string user = new((char)('a' + i), 8);
            ChatTurn[] before = [.. conversation.Turns];

            ConversationAnswer answer = conversation.Reply(user, _ => { });

            ChatTurn[] kept = [new(ChatRole.System, "Be brief"), .. before[answer.DroppedTurns..], new(ChatRole.User, user)];
            int[] prompt = ChatTemplate.ChatMl.Encode(Tokenizer, kept);
            Assert.Equal(prompt.Length, answer.PromptTokens);
            Assert.InRange(answer.PromptTokens, 1, 64 - Most);
            Assert.Equal(Fresh(prompt, SamplingOptions.Greedy).Text, answer.Completion.Text);
            Assert.Equal(kept.Skip(1), conversation.Turns.SkipLast(1));
            if (answer.DroppedTurns > 0)
            {
                Assert.Equal(0, answer.DroppedTurns % 2); // an answer goes with its question, and no more go than must
                ChatTurn[] more = [new(ChatRole.System, "Be brief"), .. before[(answer.DroppedTurns - 2)..], new(ChatRole.User, user)];
                Assert.True(ChatTemplate.ChatMl.Encode(Tokenizer, more).Length > 64 - Most);
            }

            dropped += answer.DroppedTurns;
        }

        Assert.True(dropped >= 4, $"{dropped} turns were dropped");
    }

    [Fact]
    public void AMessageThatDoesNotFitIsAnErrorAndChangesNothing()
    {
        using Conversation conversation = New(SamplingOptions.Greedy);
        conversation.Reply("a", _ => { });
        int tokens = ChatTemplate.ChatMl.Encode(Tokenizer, [new(ChatRole.User, new string('x', 70))]).Length;

        HybridException error = Assert.Throws<HybridException>(() => conversation.Reply(new string('x', 70), _ => { }));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Equal($"the message has {tokens} tokens; expected at most 58, as the model has 64 positions and an answer may take 6", error.Message);
        Assert.Equal(2, conversation.Turns.Count);
    }

    [Fact]
    public void AnInterruptedAnswerIsKeptAsFarAsItCame()
    {
        using var stop = new CancellationTokenSource();
        using Conversation conversation = New(SamplingOptions.Greedy), undisturbed = New(SamplingOptions.Greedy);
        string whole = undisturbed.Reply("a", _ => { }).Completion.Text, heard = string.Empty;

        Completion cut = conversation.Reply(
            "a",
            piece =>
            {
                heard += piece;
                stop.Cancel();
            },
            stop.Token).Completion;

        Assert.Equal(StopReason.Interrupted, cut.StopReason);
        Assert.InRange(cut.Tokens.Count, 1, Most - 1);
        Assert.StartsWith(cut.Text, whole + "\uFFFD", StringComparison.Ordinal);
        Assert.Equal(cut.Text, heard);
        Assert.Equal(new ChatTurn(ChatRole.Assistant, cut.Text), conversation.Turns[1]);
        int[] prompt = ChatTemplate.ChatMl.Encode(Tokenizer, [.. conversation.Turns, new(ChatRole.User, "b")]);
        Assert.Equal(Fresh(prompt, SamplingOptions.Greedy).Tokens, conversation.Reply("b", _ => { }).Completion.Tokens);

        // Stopped before anything was read, too.
        Completion none = conversation.Reply("c", _ => { }, stop.Token).Completion;
        Assert.Equal((string.Empty, StopReason.Interrupted), (none.Text, none.StopReason));
    }

    [Fact]
    public void ASeedDecidesAndEveryAnswerHasItsOwnChance()
    {
        string[] Talk(SamplingOptions sampling)
        {
            using Conversation conversation = New(sampling);
            return [.. Enumerable.Range(0, 3).Select(_ =>
            {
                conversation.Reset();
                return conversation.Reply("a", _ => { }).Completion.Text;
            })];
        }

        Assert.Equal(Talk(Sampling), Talk(Sampling));
        Assert.Equal(3, Talk(Sampling).Distinct().Count());
        Assert.NotEqual(Talk(Sampling), Talk(Sampling with { Seed = 5 }));
        Assert.Equal(Fresh(ChatTemplate.ChatMl.Encode(Tokenizer, [new(ChatRole.User, "a")]), Sampling).Text, Talk(Sampling)[0]);
    }

    private Conversation New(SamplingOptions sampling) => new(model, Tokenizer, ChatTemplate.ChatMl, Most, sampling);

    private Completion Fresh(int[] prompt, SamplingOptions sampling) => new Generator(
        Tokenizer, new DecodingOptions { MaximumNewTokens = Most, StopTexts = [], StopTokenIds = ChatTemplate.StopIds(Tokenizer), BatchSize = 1 }, sampling)
        .Generate(model, [new TokenSequence(prompt.Select(id => (long)id).ToArray(), [])])[0];
}
