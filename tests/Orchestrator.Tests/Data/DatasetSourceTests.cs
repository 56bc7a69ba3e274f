using Hybrid.Orchestrator.Data;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class DatasetSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public DatasetSourceTests() => BirthdayMaker.Write(folder.Path, 5, 0);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void ANameIsLookedUpInTheCatalog()
    {
        DatasetFiles files = DatasetSource.Find("random-birthdays", folder.Path);

        Assert.Equal(("random-birthdays", folder.File("random_bd")), (files.Name, files.Folder));
        Assert.Equal(5, DatasetSource.Load("random-birthdays", folder.Path).ForgetQuestions.Count());
    }

    [Fact]
    public void ANameNeedsTheDataFolder()
    {
        HybridException error = Assert.Throws<HybridException>(() => DatasetSource.Find("years", null));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Equal("dataset 'years' is one of the catalog's and needs --data, the folder that holds dates-years-trimmed/", error.Message);
    }

    [Fact]
    public void AnUnknownNameIsSaidToBeUnknownWithOrWithoutData()
    {
        foreach (string? data in new[] { null, folder.Path })
        {
            Assert.Contains("unknown dataset 'yeers'; did you mean 'years'?", Assert.Throws<HybridException>(() => DatasetSource.Find("yeers", data)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("absent", "absent: no such folder")]
    [InlineData("random_bd", "dataset.yaml: no such file")]
    [InlineData("random_bd/dev.jsonl", "dev.jsonl: is a file; expected the folder that holds the dataset.yaml")]
    public void AFolderMustHoldADatasetYaml(string name, string said)
    {
        HybridException error = Assert.Throws<HybridException>(() => DatasetSource.Find(folder.File(name), folder.Path));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("own.txt", "One.\r\n\r\n  Two, indented. \n \nThree.")]
    [InlineData("own.TXT", "\uFEFFOne.\n  Two, indented. \nThree.\n")]
    [InlineData("own.jsonl", """{"text": "One.", "id": 1}""" + "\n" + """{"text": "  Two, indented. "}""" + "\n" + """{"text": "Three."}""")]
    public void RetainTextCanBeAFileOfOnesOwn(string name, string content)
    {
        string path = folder.Write(name, content);

        UnlearningDataset dataset = DatasetSource.Load("random-birthdays", folder.Path, retainText: path);

        Assert.Equal(["One.", "  Two, indented. ", "Three."], dataset.RetainText.Read());
        Assert.Equal(DatasetCatalog.Load("random-birthdays", folder.Path).RetainQuestions, dataset.RetainQuestions);
    }

    [Fact]
    public void RetainQuestionsCanBeAFileOfOnesOwn()
    {
        string path = folder.Write("own.jsonl", """{"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": 3}""");

        UnlearningDataset dataset = DatasetSource.Load("random-birthdays", folder.Path, retainQuestions: path);

        Assert.Equal([new() { Question = "Q?", Choices = ["a", "b", "c", "d"], Answer = 3 }], dataset.RetainQuestions);
        Assert.Equal(15, dataset.RetainText.Read().Count);
    }

    [Fact]
    public void AFileOfOnesOwnIsCheckedAtOnce()
    {
        AssertFails(ErrorKind.Config, "own.csv: expected a text file that ends in .txt or .jsonl", "own.csv");
        AssertFails(ErrorKind.DataFile, "absent.txt: no such file", "absent.txt");
        folder.Write("blank.txt", "\n\n");
        AssertFails(ErrorKind.EmptySplit, "blank.txt: holds no text", "blank.txt");
        folder.Write("latin.txt", [(byte)'a', (byte)'\n', 0xE9, (byte)'t']);
        AssertFails(ErrorKind.DataFile, "latin.txt:2: byte 0xE9 is not UTF-8", "latin.txt");
    }

    private void AssertFails(ErrorKind kind, string expected, string file)
    {
        HybridException error = Assert.Throws<HybridException>(
            () => DatasetSource.Load("random-birthdays", folder.Path, folder.File(file)).RetainText.Read());
        Assert.Equal(kind, error.Kind);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}
