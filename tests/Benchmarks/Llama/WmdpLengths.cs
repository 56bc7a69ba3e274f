using Hybrid.Orchestrator.Unlearning;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;

namespace Hybrid.Benchmarks.Llama;

/// <summary>
/// How long wmdp-deduped's examples are with Llama-3's tokenizer, begin of text included, and how many they are. Each set was encoded by
/// ExampleEncoder in the form that the presets use, sorted by length and cut into four quarters; these are the quarters' mean lengths, rounded, so
/// that one batch of four has the spread of the set and, to half a token, its mean. `hybrid data stats` shows the medians: 77, 54, 77 and 67.
/// </summary>
internal static class WmdpLengths
{
    /// <summary>Tokens of a batch of the forget set as letter-answer (mean of the set 89.6), and how many of them are scored (12.4).</summary>
    public static readonly (int Tokens, int Scored)[] Forget = [(51, 5), (68, 9), (90, 13), (151, 23)];

    /// <summary>The same of the retain text (88.7), where everything but the begin of text is scored.</summary>
    public static readonly (int Tokens, int Scored)[] Retain = [(21, 20), (38, 37), (95, 94), (202, 201)];

    /// <summary>The same of the attack's question-letter-answer (89.6).</summary>
    public static readonly (int Tokens, int Scored)[] Attack = [(51, 50), (68, 67), (90, 89), (151, 150)];

    /// <summary>Tokens of four questions up to "Answer:" (77.2).</summary>
    public static readonly int[] Questions = [45, 59, 78, 128];

    /// <summary>Questions to forget, in <see cref="Splits"/> splits of equal size.</summary>
    public const int ForgetQuestions = 785;

    public const int Splits = 5;

    /// <summary>KUnBR as its preset runs it: 8 blocks, 6 of them re-inserted, one round.</summary>
    public static KUnBROptions KUnBR => (KUnBROptions)UnlearningPresets.Find("llama3-8b", "kunbr").Options;

    /// <summary>The attack as its preset runs it: 5 folds, 6 rates, 6 epochs.</summary>
    public static RelearningOptions Rtt => RelearningPresets.Find("llama3-8b", "wmdp-deduped");

    /// <summary>Questions of V, and of T.</summary>
    public const int HeldOut = ForgetQuestions / Splits, Taught = ForgetQuestions - HeldOut;
}
