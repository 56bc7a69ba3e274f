using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Runs;

public sealed class SettingsYamlPropertyTests
{
    [Fact]
    public void AnyDamageToAFileIsReadOrIsOneLineOfError()
    {
        string valid = SettingsYaml.Write(UnlearningPresets.Find("tiny", "kunbr"));
        Arbitrary<(int, int, string)> damage = (
            from at in Gen.Choose(0, valid.Length - 1)
            from length in Gen.Choose(0, 12)
            from text in Gen.Elements("", ":", "\n", "  ", "- ", "{", "]", "\"", "'", "|", "&a ", "*a", "!x ", "\t", "---\n", "#", "%", "@", "\u0085", "\uFEFF", "\uD800", "? ", "0x1", "é")
            select (at, length, text)).ToArbitrary();
        Prop.ForAll(damage, change =>
        {
            (int at, int length, string text) = change;
            string broken = valid[..at] + text + valid[Math.Min(valid.Length, at + length)..];
            try
            {
                _ = SettingsYaml.Parse("f", broken);
            }
            catch (HybridException error)
            {
                Assert.Equal(ErrorKind.Config, error.Kind);
                Assert.StartsWith("f:", error.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', error.Message);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    [Theory]
    [InlineData("QuestionLetterAnswer", "question-letter-answer")]
    [InlineData("AdamW", "adamw")]
    [InlineData("Gd", "gd")]
    [InlineData("MlpOnly", "mlp-only")]
    [InlineData("PreUnlearning", "pre-unlearning")]
    public void NamesAreKebabCase(string name, string expected) => Assert.Equal(expected, KebabCase.Of(name));
}
