using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Attack;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Attack;

public sealed class CurveFilesTests : IDisposable
{
    private static readonly RelearningCurve Curve = new(3, 1.6e-6, ["0110", "1110"], "the loss is NaN");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void ACurveComesBackAsItWas()
    {
        CurveFiles files = new(folder.File("a/b"), new { Seed = 1, Rates = new[] { 1e-7, 5e-7 }, Text = "<ü>" }, RunJournal.UsualInterval);
        Assert.Null(files.Read(3, 1.6e-6));

        files.Write(Curve);
        RelearningCurve read = new CurveFiles(folder.File("a/b"), new { Seed = 1, Rates = new[] { 1e-7, 5e-7 }, Text = "<ü>" }, RunJournal.UsualInterval).Read(3, 1.6e-6)!;

        Assert.Equal((3, 1.6e-6, "the loss is NaN"), (read.Fold, read.LearningRate, read.Diverged));
        Assert.Equal(Curve.Hits, read.Hits);
        Assert.Equal([folder.File("a/b/fold3-rate1.6e-6.json")], Directory.GetFiles(folder.File("a/b")));
    }

    [Theory]
    [InlineData(1e-4, "fold0-rate1e-4.json")]
    [InlineData(3e-4, "fold0-rate3e-4.json")]
    [InlineData(1e-7 * 16, "fold0-rate1.6e-6.json")]
    [InlineData(1, "fold0-rate1e+0.json")]
    public void AFileIsNamedAfterItsJob(double rate, string name) => Assert.Equal(name, Path.GetFileName(new CurveFiles(folder.Path, new { }, RunJournal.UsualInterval).PathOf(0, rate)));

    [Fact]
    public void AFileOfAnotherAttackIsNamed()
    {
        new CurveFiles(folder.Path, new { Seed = 1, Model = "m" }, RunJournal.UsualInterval).Write(Curve);

        Bad(new { Seed = 2, Model = "m" }, "of an attack with seed 1, not 2");
        Bad(new { Seed = 1 }, "of an attack with model \"m\", not null");
        Bad(new { Seed = 1, Model = "m", Type = "x" }, "of an attack with type null, not \"x\"");
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"circumstances": {"seed": 1}, "curve": {"fold": 3, "learningRate": 1.6e-6}}""")]
    [InlineData("""{"circumstances": {"seed": 1}, "curve": {"fold": 3, "learningRate": 1.6e-6, "hits": ["1"], "other": 1}}""")]
    public void AMalformedFileIsNamed(string text)
    {
        File.WriteAllText(folder.File("fold3-rate1.6e-6.json"), text);

        Bad(new { Seed = 1 }, "not a curve of an attack");
    }

    [Fact]
    public void AFileUnderAnotherNameIsNoResult()
    {
        CurveFiles files = new(folder.Path, new { Seed = 1 }, RunJournal.UsualInterval);
        files.Write(Curve with { Fold = 0 });
        File.Move(files.PathOf(0, 1.6e-6), files.PathOf(3, 1.6e-6));

        Bad(new { Seed = 1 }, "holds fold 0 at rate 1.6E-06; expected fold 3");
    }

    [Fact]
    public void AFolderThatCannotBeMadeIsNamed()
    {
        File.WriteAllText(folder.File("x"), string.Empty);

        HybridException error = Assert.Throws<HybridException>(() => new CurveFiles(folder.File("x"), new { }, RunJournal.UsualInterval));

        Assert.Equal(ErrorKind.Io, error.Kind);
        Assert.StartsWith(folder.File("x"), error.Message, StringComparison.Ordinal);
    }

    private void Bad(object circumstances, string said)
    {
        CurveFiles files = new(folder.Path, circumstances, RunJournal.UsualInterval);
        HybridException error = Assert.Throws<HybridException>(() => files.Read(3, 1.6e-6));
        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.StartsWith(folder.File("fold3-rate1.6e-6.json"), error.Message, StringComparison.Ordinal);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }
}
