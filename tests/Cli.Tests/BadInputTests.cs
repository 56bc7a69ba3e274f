using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>Every kind of bad input: its own exit code, one line, and nothing half-written.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class BadInputTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Out => folder.File("out");

    [Fact]
    public void AMissingModel() => Fails(10, Unlearn("--model", "/no/such"), "/no/such: no such model folder");

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    [InlineData("tokenizer.json")]
    public void AMissingFileOfTheModel(string name)
    {
        string model = Copy();
        File.Delete(Path.Combine(model, name));

        Fails(10, Unlearn("--model", model), Path.Combine(model, name));
    }

    [Fact]
    public void TruncatedWeights()
    {
        string model = Copy(), weights = Path.Combine(model, "model.safetensors");
        using (FileStream stream = File.OpenWrite(weights))
        {
            stream.SetLength(stream.Length / 2);
        }

        Fails(10, Unlearn("--model", model), weights);
        CommandRun.Bad(10, ["inspect", model], weights);
    }

    [Theory]
    [InlineData("\"sliding_window\": 4096,", "sliding_window")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2},", "rope_scaling")]
    [InlineData("\"attention_bias\": true,", "attention_bias")]
    [InlineData("\"novelty\": 1,", "novelty")]
    public void AConfigFieldThatIsNotImplemented(string field, string name)
    {
        string model = Copy(), config = Path.Combine(model, "config.json");
        string text = File.ReadAllText(config).Replace("\"attention_bias\": false,", string.Empty, StringComparison.Ordinal);
        File.WriteAllText(config, "{" + field + text[(text.IndexOf('{', StringComparison.Ordinal) + 1)..]);

        Fails(11, Unlearn("--model", model), config, name);
    }

    [Fact]
    public void ATokenizerLargerThanTheModel()
    {
        string model = Copy(), tokenizer = Path.Combine(model, "tokenizer.json");
        UnlearningDataset data = DatasetCatalog.Load("random-birthdays", taught.Data);
        BpeLearner.Learn(data.ForgetText.Read().Concat(data.RetainText.Read()), 460, BpeLearner.Llama3SpecialTokens).Save(tokenizer);

        Fails(12, Unlearn("--model", model), tokenizer, "460", "450");
    }

    [Fact]
    public void AMalformedTokenizer()
    {
        string model = Copy(), tokenizer = Path.Combine(model, "tokenizer.json");
        File.WriteAllText(tokenizer, "{\"model\": {}}");

        Fails(12, Unlearn("--model", model), tokenizer);
    }

    [Theory]
    [InlineData("{\"question\": \"?\", \"choices\": [1, 2, 3, 4]", "split_1.jsonl:3: ")]
    [InlineData("{\"question\": \"?\", \"choices\": [1, 2, 3], \"answer\": 0}", "split_1.jsonl:3: field 'choices'")]
    [InlineData("{\"question\": \"?\", \"choices\": [1, 2, 3, 4], \"answer\": 4}", "split_1.jsonl:3: field 'answer'")]
    public void AMalformedLine(string line, string said)
    {
        string data = CopyData();
        string file = Path.Combine(data, "random_bd", "split_1.jsonl");
        string[] lines = File.ReadAllLines(file);
        lines[2] = line;
        File.WriteAllLines(file, lines);

        Fails(13, Unlearn("--data", data), said);
        CommandRun.Bad(13, ["learn", "--dataset", "random-birthdays", "--data", data, "--out", Out], said);
        Assert.False(Path.Exists(Out));
    }

    [Fact]
    public void MissingData()
    {
        Fails(13, Unlearn("--data", "/no/such"), "/no/such/random_bd: no such folder");
        Fails(13, Unlearn("--dataset", "years"), "dates-years-trimmed: no such folder");
        Fails(17, Unlearn("--dataset", "random-birthday"), "did you mean 'random-birthdays'?");
        Fails(13, Unlearn("--retain-text", "/no/such.txt", "--retain-form", "corpus"), "/no/such.txt: no such file");
        Fails(17, Unlearn("--retain-text", "/no/such.csv", "--retain-form", "corpus"), "ends in .txt or .jsonl");
        Fails(17, Unlearn("--retain-text", "/no/such.txt"), "--retain-text: the retain form letter-answer is made of questions and reads no text");
        Fails(13, Unlearn("--retain-questions", "/no/such.jsonl"), "/no/such.jsonl: no such file");
        CommandRun.Bad(17, ["evaluate", "--model", taught.Model, "--dataset", "random-birthdays"], "dataset 'random-birthdays' is one of the catalog's and needs --data");
    }

    [Theory]
    [InlineData("4 blocks are to be re-inserted, 3 can be chosen of 4, the last 1 layers being ignored", "--blocks", "4", "--selected-blocks", "4", "--ignore-head-layers", "1")]
    [InlineData("1 blocks are to be re-inserted, 0 can be chosen", "--blocks", "1", "--selected-blocks", "1")]
    [InlineData("4 layers cannot be cut into 8 blocks; 1 to 4 are possible")]
    public void MoreBlocksThanThereAre(string said, params string[] options) => Fails(14, taught.Line("unlearn", ["--method", "kunbr", "--out", Out, .. options]), said);

    [Fact]
    public void AnEmptySplit()
    {
        string data = CopyData();
        File.WriteAllText(Path.Combine(data, "random_bd", "split_2.jsonl"), string.Empty);

        Fails(15, Unlearn("--data", data), "split_2.jsonl: holds no question");
    }

    [Fact]
    public void NothingLeftInV()
    {
        string data = CopyData(), first = Path.Combine(data, "random_bd", "split_0.jsonl");
        File.Copy(Path.Combine(data, "random_bd", "split_1.jsonl"), first, overwrite: true);

        CommandRun.Bad(15, ["attack", "--model", taught.Model, "--dataset", "random-birthdays", "--data", data], "fold 0 (split_0): V is empty");
        Assert.Equal(0, CommandRun.Good("attack", "--model", taught.Model, "--dataset", "random-birthdays", "--data", data, "--keep-leaks", "--folds", "1", "--epochs", "1", "--learning-rates", "1e-5").Code);
    }

    [Fact]
    public void NothingToRetain()
    {
        File.WriteAllText(folder.File("empty.txt"), "\n\n");
        string[] line = Unlearn("--retain-text", folder.File("empty.txt"), "--retain-form", "corpus");
        File.Delete(Out);

        CommandRun.Bad(15, line, "empty.txt: holds no text");
        Assert.False(Path.Exists(Out));
    }

    [Theory]
    [InlineData("gd")]
    [InlineData("kunbr")]
    public void ALossThatIsNoNumber(string method)
    {
        string[] blocks = method == "kunbr" ? ["--blocks", "4", "--ignore-head-layers", "1"] : [];

        CommandRun run = CommandRun.Of(taught.Line("unlearn", ["--method", method, "--learning-rate", "1e30", "--out", Out, .. blocks]));

        Assert.Equal(16, run.Code);
        string line = run.Error.TrimEnd().Split('\n')[^1];
        Assert.Matches(@"^hybrid: (un|pre-un)learn: the loss is .* at step \d+ of \d+.*; the model as it was after the last whole pass is in .*out\.last-good$", line);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        Assert.Equal(["out.last-good"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
        Assert.Equal(File.ReadAllBytes(Path.Combine(taught.Model, "model.safetensors")), File.ReadAllBytes(Path.Combine(Out + ".last-good", "model.safetensors")));
        Assert.Equal(0, CommandRun.Good("evaluate", "--model", Out + ".last-good", "--dataset", "random-birthdays", "--data", taught.Data).Code);
    }

    [Fact]
    public void AnOutputThatCannotBeWritten()
    {
        File.WriteAllText(folder.File("file"), "x");

        Fails(19, taught.Line("unlearn", "--method", "gd", "--out", folder.File("file/out")), "file/out: cannot be written");
        CommandRun.Bad(19, ["learn", "--dataset", "random-birthdays", "--data", taught.Data, "--out", folder.File("file/out")], "file/out: cannot be written");
        CommandRun.Bad(19, ["data", "make-birthdays", "--out", folder.File("file/out")], "file/out");
        CommandRun.Bad(19, taught.Line("evaluate", "--json", folder.File("none/x.json")), "--json", "there is no folder");
        CommandRun.Bad(19, taught.Line("evaluate", "--json", folder.Path), "--json", "is a folder");
        Assert.Equal("x", File.ReadAllText(folder.File("file")));
    }

    [Fact]
    public void AnOutputThatIsThere()
    {
        string there = TaughtFolder.Copy(taught.Model, folder.File("there"));
        File.WriteAllText(folder.File("file"), "x");
        Directory.CreateDirectory(folder.File("mixed"));
        File.WriteAllText(folder.File("mixed/thesis.txt"), "x");

        Fails(17, taught.Line("unlearn", "--method", "gd", "--out", there), "is there and not empty");
        Fails(17, taught.Line("unlearn", "--method", "gd", "--out", folder.File("file"), "--overwrite"), "is a file");
        Fails(17, taught.Line("unlearn", "--method", "gd", "--out", folder.File("mixed"), "--overwrite"), "thesis.txt");
        Assert.Equal(File.ReadAllBytes(Path.Combine(taught.Model, "model.safetensors")), File.ReadAllBytes(Path.Combine(there, "model.safetensors")));
    }

    [Fact]
    public void Devices()
    {
        Fails(17, Unlearn("--device", "tpu"), "--device: device 'tpu' is not cpu, cuda or cuda:N");
        Fails(22, Unlearn("--device", $"cuda:{Runtime.CudaDevices}"), $"--device cuda:{Runtime.CudaDevices}: {Runtime.CudaDevices} CUDA devices");
    }

    [Fact]
    public void Configurations()
    {
        File.WriteAllText(folder.File("f.yaml"), "preset: tiny\nmethod: gd\ngd:\n  epoch: 1\n");
        Fails(17, taught.Line("unlearn", "--config", folder.File("f.yaml"), "--out", Out), "f.yaml:4: unknown key 'gd.epoch'; did you mean 'epochs'?");
        Fails(17, taught.Line("unlearn", "--config", folder.File("none.yaml"), "--out", Out), "none.yaml: no such file");

        File.WriteAllText(folder.File("f.yaml"), "preset: tiny\nmethod: gd\n");
        Fails(17, taught.Line("unlearn", "--config", folder.File("f.yaml"), "--method", "kunbr", "--out", Out), "--method kunbr:", "f.yaml is for method gd");
        Fails(17, taught.Line("unlearn", "--config", folder.File("f.yaml"), "--rounds", "2", "--out", Out), "--rounds: method gd has no such setting, only kunbr has");
        Fails(17, taught.Line("unlearn", "--method", "gd", "--mlp-only", "--out", Out), "--mlp-only: method gd has no such setting, only kunbr has");
        Fails(17, taught.Line("unlearn", "--method", "ga", "--retain-coefficient", "1", "--out", Out), "--retain-coefficient: method ga has no such setting, only gd, rmu, ria, npo, simnpo, dpo, kunbr have");
        Fails(17, taught.Line("unlearn", "--method", "kunbr", "--beta", "1", "--out", Out), "--beta: method kunbr has no such setting, only npo, simnpo, dpo have");
        Fails(17, taught.Line("unlearn", "--method", "dpo", "--forget-form", "corpus", "--out", Out), "the forget form must be one of questions, not corpus");
        Fails(14, taught.Line("unlearn", "--method", "rmu", "--layer", "4", "--out", Out), "there is no layer 4 to steer; the model has layers 0 to 3");
        CommandRun.Bad(17, ["learn", "--dataset", "random-birthdays", "--data", taught.Data, "--out", Out, "--target-accuracy", "2"], "target accuracy 2 must lie in 0 … 1");
        CommandRun.Bad(17, taught.Line("attack", "--folds", "0,7"), "there is no fold 7; expected 0 to 4");
        CommandRun.Bad(2, ["data", "make-birthdays", "--people", "4", "--out", Out], "--people: '4' is not a whole number of at least 5");
    }

    public void Dispose() => folder.Dispose();

    /// <summary>An unlearn command in which an option is replaced or added.</summary>
    private string[] Unlearn(string option, string value, params string[] more)
    {
        string[] line = taught.Line("unlearn", ["--method", "gd", "--out", Out, .. more]);
        int at = Array.IndexOf(line, option);
        if (at < 0)
        {
            return [.. line, option, value];
        }

        line[at + 1] = value;
        return line;
    }

    private void Fails(int code, string[] line, params string[] said)
    {
        string[] before = Directory.GetFileSystemEntries(folder.Path);
        CommandRun.Bad(code, line, said);
        Assert.Equal(before, Directory.GetFileSystemEntries(folder.Path));
    }

    private string Copy() => TaughtFolder.Copy(taught.Model, folder.File("model"));

    private string CopyData() => TaughtFolder.Copy(taught.Data, folder.File("data"));
}
