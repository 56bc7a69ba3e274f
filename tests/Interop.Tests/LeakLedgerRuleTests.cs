using System.Text.RegularExpressions;
using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>Every test class that touches tensors counts the native handles it leaves, in all test projects.</summary>
public sealed partial class LeakLedgerRuleTests
{
    [Theory]
    [InlineData("Interop.Tests", @": LedgerTest\b")]
    [InlineData("Orchestrator.Tests", @"^\[LeakLedger\]")]
    [InlineData("Cli.Tests", @"^\[LeakLedger\]")]
    public void TestClassesWithTensorsCountHandles(string project, string counts)
    {
        (string Path, string Text)[] classes = [.. Directory.EnumerateFiles(Repository.At("tests", project), "*.cs", SearchOption.AllDirectories).Select(path => (path, File.ReadAllText(path))).Where(file => Tests().IsMatch(file.Item2))];
        string[] touching = [.. classes.Where(file => Touches(file.Text)).Select(file => file.Path)];

        Assert.True(touching.Length >= 10, $"only {touching.Length} classes of {project} touch tensors");
        Assert.Empty(classes.Where(file => Touches(file.Text) && !Regex.IsMatch(file.Text, counts, RegexOptions.Multiline)).Select(file => Path.GetRelativePath(Repository.Root, file.Path)));
    }

    // The test of the test.
    [Theory]
    [InlineData("using Tensor x = Make();", true)]
    [InlineData("CommandRun.Good(\"inspect\");", true)]
    [InlineData("// a Tensor of text\nstring s = \"Tensor\";", false)]
    [InlineData("TensorBoardWriter w; typeof(Tensor);", false)]
    public void TensorsAreFoundInCodeOnly(string source, bool found) => Assert.Equal(found, Touches(source));

    private static bool Touches(string source) => Tensors().IsMatch(CommentsAndTexts().Replace(source, " "));

    // What makes handles, and the tests' own helpers that do; a type that is only named makes none.
    [GeneratedRegex(@"(?<!typeof\()\b(Tensor|TensorScope|SafetensorsFile|DensityAccumulator|MemoryMeter|LlamaModel|WeightFiles|WeightShards|TestModels|TaughtModel|TaughtFolder|SmallExperiment|CommandRun)\b")]
    private static partial Regex Tensors();

    [GeneratedRegex(@"^\s*\[(Fact|Theory|\w+Fact\b)", RegexOptions.Multiline)]
    private static partial Regex Tests();

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/|""(\\.|[^""\\\n])*""", RegexOptions.Singleline)]
    private static partial Regex CommentsAndTexts();
}
