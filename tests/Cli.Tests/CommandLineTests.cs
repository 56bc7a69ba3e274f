using System.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class CommandLineTests(TaughtFolder taught)
{
    private static readonly string[] Names =
    [
        "demo", "data", "data make-birthdays", "data check", "data stats", "learn", "density", "unlearn", "attack", "evaluate", "generate", "chat", "utility", "run", "report", "tokenize", "inspect", "diff", "repeat", "parity",
    ];

    public static TheoryData<string> Commands => [.. Names];

    [Theory]
    [MemberData(nameof(Commands))]
    public void HelpHasAnExampleThatNamesTheCommand(string command)
    {
        CommandRun run = CommandRun.Good([.. command.Split(' '), "--help"]);

        Assert.Matches($@"Example:\s+hybrid {command} ", run.Output);
        Assert.Empty(run.Error);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void TheDocumentationHasTheCommandAndItsOptions(string command)
    {
        string page = File.ReadAllText(RepositoryFolder.PathOf("docs/cli.md"));
        string section = page.Split("\n## ").FirstOrDefault(part => part.StartsWith($"hybrid {command}\n", StringComparison.Ordinal)) ?? string.Empty;
        string help = CommandRun.Good([.. command.Split(' '), "--help"]).Output;

        Assert.NotEmpty(section);
        foreach (System.Text.RegularExpressions.Match option in System.Text.RegularExpressions.Regex.Matches(help, @"(?<=\n\s+)--[a-z-]+"))
        {
            Assert.True(section.Contains($"`{option.Value}", StringComparison.Ordinal) || option.Value is "--trace" or "--help", $"docs/cli.md: {command} {option.Value}");
        }
    }

    [Fact]
    public void HelpNamesEveryCommand()
    {
        string help = CommandRun.Good("--help").Output;

        Assert.All(Names, name => Assert.Contains(name.Split(' ')[0], help, StringComparison.Ordinal));
        Assert.Contains("hybrid demo", help, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hybrid --help")]
    [InlineData("hybrid --help", "nonsense")]
    [InlineData("hybrid data --help", "data")]
    [InlineData("hybrid data check --help", "data", "check", "--data", "x")]
    [InlineData("hybrid evaluate --help", "evaluate", "--model", "m")]
    [InlineData("hybrid inspect --help", "inspect", "m", "--frobnicate")]
    public void AWrongCommandLineSaysWhereTheHelpIs(string help, params string[] arguments) => CommandRun.Bad(ExitCode.Usage, arguments, $"; see {help}");

    [Theory]
    [InlineData("--epochs", "0", "a whole number of at least 1")]
    [InlineData("--epochs", "-3", "a whole number of at least 1")]
    [InlineData("--epochs", "2.5", "a whole number of at least 1")]
    [InlineData("--epochs", "99999999999", "a whole number of at least 1")]
    [InlineData("--batch-size", "many", "a whole number of at least 1")]
    [InlineData("--threads", "0", "a whole number from 1 to ")]
    [InlineData("--threads", "1000000", "a whole number from 1 to ")]
    [InlineData("--json", "", "a path")]
    [InlineData("--learning-rate", "0", "a number above 0")]
    [InlineData("--learning-rate", "nan", "a number above 0")]
    [InlineData("--learning-rate", "-1e-4", "a number above 0")]
    [InlineData("--learning-rate", "1e999", "a number above 0")]
    [InlineData("--retain-coefficient", "-1", "a number of at least 0")]
    [InlineData("--beta", "0", "a number above 0")]
    [InlineData("--gamma", "-1", "a number of at least 0")]
    [InlineData("--layer", "-1", "a whole number of at least 0")]
    [InlineData("--steering-coefficient", "0", "a number above 0")]
    [InlineData("--strategy", "densest", "one of density, head, bottom, average, sequential")]
    [InlineData("--dtype", "float16", "one of float32, bfloat16")]
    [InlineData("--method", "GD", "one of ga, gd, rmu, ria, npo, simnpo, dpo, kunbr")]
    [InlineData("--forget-form", "text", "one of question-letter-answer, letter-answer, letter, corpus")]
    [InlineData("--preset", "huge", "one of llama3-8b, tiny")]
    [InlineData("--seed", "-1", "a whole number from 0 to 18446744073709551615")]
    [InlineData("--ignore-head-layers", "-1", "a whole number of at least 0")]
    [InlineData("--reestimate", "often", "one of each-round, once")]
    public void NonsenseValuesAreNamedWithTheOption(string option, string value, string expected)
    {
        string[] method = option == "--method" ? [] : ["--method", "kunbr"];

        CommandRun.Bad(ExitCode.Usage, taught.Line("unlearn", [.. method, "--out", "never", option, value]), $"{option}: '{value}' is not {expected}");
        Assert.False(Path.Exists("never"));
    }

    [Theory]
    [InlineData("--folds", "0")]
    [InlineData("--folds", "a,b")]
    [InlineData("--learning-rates", "1e-4,0")]
    [InlineData("--learning-rates", ",")]
    public void NonsenseListsAreNamedWithTheOption(string option, string value) => CommandRun.Bad(ExitCode.Usage, taught.Line("attack", option, value), $"{option}: '{value}' is not ");

    [Fact]
    public void OptionsThatExcludeOrNeedEachOther()
    {
        CommandRun.Bad(ExitCode.Usage, taught.Line("unlearn", "--method", "gd", "--out", ""), "--out: '' is not a path");
        CommandRun.Bad(ExitCode.Usage, taught.Line("unlearn", "--out", "never"), "--method or --config is needed");
        CommandRun.Bad(ExitCode.Usage, taught.Line("unlearn", "--out", "never", "--config", "f.yaml", "--preset", "tiny"), "--config and --preset exclude each other");
        CommandRun.Bad(ExitCode.Usage, ["tokenize", "--tokenizer", taught.Model], "either --text or --vectors is needed");
        CommandRun.Bad(ExitCode.Usage, ["tokenize", "--tokenizer", taught.Model, "--text", "a", "--vectors", "b"], "either --text or --vectors is needed");
    }

    [Fact]
    public void TraceAddsTheStack()
    {
        CommandRun plain = CommandRun.Bad(10, ["inspect", "/no/such/model"], "/no/such/model: no such model folder");
        CommandRun traced = CommandRun.Of("inspect", "/no/such/model", "--trace");

        Assert.Equal(plain.Code, traced.Code);
        Assert.StartsWith(plain.Error, traced.Error, StringComparison.Ordinal);
        Assert.Contains("   at Hybrid.Orchestrator.Model.ModelFolder.LoadConfig", traced.Error, StringComparison.Ordinal);
    }
}
