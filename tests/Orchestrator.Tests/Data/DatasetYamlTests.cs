using Hybrid.Orchestrator.Data;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class DatasetYamlTests : IDisposable
{
    private const string Question = """{"question": "Q?", "choices": [1, 2, 3, 4], "answer": 0}""" + "\n";

    private const string Valid = """
        name: my-facts
        forget-questions: [a.jsonl, more/b.jsonl]
        forget-text: [facts.jsonl, facts.txt]
        wrong-text:
          - wrong.jsonl
        retain-text: [retain.txt]
        retain-questions: [keep.jsonl]
        dev-questions: [dev.jsonl]
        """;

    private readonly TemporaryFolder folder = new();

    public DatasetYamlTests()
    {
        foreach (string name in new[] { "a.jsonl", "more/b.jsonl", "more/a.jsonl", "keep.jsonl", "dev.jsonl" })
        {
            folder.Write($"own/{name}", Question.Replace("Q?", name, StringComparison.Ordinal));
        }

        folder.Write("own/facts.jsonl", """{"text": "One.", "anything": [1]}""");
        folder.Write("own/facts.txt", "Two.\n\nThree.\n");
        folder.Write("own/wrong.jsonl", """{"text": "Wrong."}""");
        folder.Write("own/retain.txt", "Kept.");
        folder.Write("outside.jsonl", Question);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void EveryPartIsLoaded()
    {
        UnlearningDataset dataset = Load(Valid);

        Assert.Equal("my-facts", dataset.Name);
        Assert.Equal(["a", "b"], dataset.ForgetSplits.Select(split => split.Name));
        Assert.Equal(["a.jsonl", "more/b.jsonl"], dataset.ForgetQuestions.Select(question => question.Question));
        Assert.Equal(["One.", "Two.", "Three."], dataset.ForgetText.Read());
        Assert.Equal(["Wrong."], dataset.WrongText.Read());
        Assert.Equal(["Kept."], dataset.RetainText.Read());
        Assert.Equal(["keep.jsonl"], dataset.RetainQuestions.Select(question => question.Question));
        Assert.Equal(["dev.jsonl"], dataset.DevQuestions.Select(question => question.Question));
    }

    [Fact]
    public void TheFilesOfACataloguedDatasetLoadAsThatDataset()
    {
        string made = BirthdayMaker.Write(folder.Path, 23, 1);
        string Names(string prefix, int from) => string.Join(", ", Enumerable.Range(from, 5).Select(split => $"{prefix}split_{split}.jsonl"));
        folder.Write("random_bd/dataset.yaml", $"""
            name: mine
            forget-questions: [{Names("", 0)}]
            forget-text: [{Names("corpus_", 0)}]
            wrong-text: [{Names("whp_corpus_", 0)}]
            retain-text: [{Names("corpus_", 5)}]
            retain-questions: [{Names("", 5)}]
            dev-questions: [dev.jsonl]
            """);

        UnlearningDataset mine = DatasetSource.Load(made, dataDirectory: null), catalogued = DatasetCatalog.Load("random-birthdays", folder.Path);

        Assert.Equal(catalogued.ForgetSplits.Select(split => split.Name), mine.ForgetSplits.Select(split => split.Name));
        Assert.Equal(catalogued.ForgetQuestions, mine.ForgetQuestions);
        Assert.Equal(catalogued.ForgetText.Read(), mine.ForgetText.Read());
        Assert.Equal(catalogued.WrongText.Read(), mine.WrongText.Read());
        Assert.Equal(catalogued.RetainText.Read(), mine.RetainText.Read());
        Assert.Equal(catalogued.RetainQuestions, mine.RetainQuestions);
        Assert.Equal(catalogued.DevQuestions, mine.DevQuestions);
    }

    [Fact]
    public void TheExampleOfTheDocumentationIsValid()
    {
        string yaml = File.ReadAllText(RepositoryFolder.PathOf("docs/datasets.md")).Split("```yaml\n")[1].Split("```")[0];
        foreach (string name in new[] { "apollo-11", "apollo-12", "apollo-14", "history", "examples", "facts", "wrong" })
        {
            folder.Write($"own/{name}.jsonl", Question);
        }

        folder.Write("own/history.txt", "Kept.");

        UnlearningDataset dataset = Load(yaml);

        Assert.Equal("moon-landings", dataset.Name);
        Assert.Equal(["apollo-11", "apollo-12", "apollo-14"], dataset.ForgetSplits.Select(split => split.Name));
    }

    [Fact]
    public void APartThatIsAbsentIsAnErrorOnlyWhenRead()
    {
        UnlearningDataset dataset = Load("name: n\nforget-questions: [a.jsonl]\nretain-questions: [keep.jsonl]\n");

        Assert.Empty(dataset.DevQuestions);
        foreach ((TextCorpus corpus, string key) in new[] { (dataset.ForgetText, "forget-text"), (dataset.WrongText, "wrong-text"), (dataset.RetainText, "retain-text") })
        {
            Assert.True(corpus.IsAbsent);
            HybridException error = Assert.Throws<HybridException>(() => corpus.Read());
            Assert.Equal(ErrorKind.Config, error.Kind);
            Assert.Equal($"{folder.File("own/dataset.yaml")}: has no key '{key}', which is needed here; add it with a list of .jsonl or .txt files", error.Message);
        }
    }

    [Fact]
    public void RetainFilesOfTheCommandLineTakeTheirPlace()
    {
        folder.Write("own/dataset.yaml", "name: n\nforget-questions: [a.jsonl]\nretain-questions: [keep.jsonl]\n");

        UnlearningDataset dataset = DatasetSource.Load(folder.File("own"), null, folder.Write("other.txt", "Other."), folder.File("outside.jsonl"));

        Assert.Equal(["Other."], dataset.RetainText.Read());
        Assert.Equal(["Q?"], dataset.RetainQuestions.Select(question => question.Question));
    }

    [Theory]
    [InlineData("retain-text: ", "retian-text: ", "6: unknown key 'retian-text'; did you mean 'retain-text'? Known are name, forget-questions, forget-text, wrong-text, retain-text, retain-questions, dev-questions")]
    [InlineData("name: my-facts\n", "", "1: key 'name' is missing; expected a name for tables and reports")]
    [InlineData("forget-questions: [a.jsonl, more/b.jsonl]\n", "", "1: key 'forget-questions' is missing; expected a list of .jsonl files")]
    [InlineData("retain-questions: [keep.jsonl]\n", "", "1: key 'retain-questions' is missing; expected a list of .jsonl files")]
    [InlineData("name: my-facts", "name: my facts", "1: name: expected letters, digits, '-', '_' and '.', found 'my facts'")]
    [InlineData("name: my-facts", "name: [a]", "1: name: expected letters, digits, '-', '_' and '.', found a list")]
    [InlineData("name: my-facts", "name: years", "1: name: 'years' is one of the catalog's datasets; expected another name")]
    [InlineData("name: my-facts", "name: my-facts\nname: x", "2: key 'name' stands twice; first in line 1")]
    [InlineData("[retain.txt]", "retain.txt", "6: retain-text: expected a list of files, such as [retain-text.jsonl], found 'retain.txt'")]
    [InlineData("[retain.txt]", "[]", "6: retain-text: expected a list of files, such as [retain-text.jsonl], found an empty one")]
    [InlineData("[retain.txt]", "[[retain.txt]]", "6: retain-text: expected a file that ends in .jsonl or .txt, found a list")]
    [InlineData("[retain.txt]", "[retain.csv]", "6: retain-text: expected a file that ends in .jsonl or .txt, found 'retain.csv'")]
    [InlineData("- wrong.jsonl", "- wrong.jsonl\n  - x.csv", "6: wrong-text: expected a file that ends in .jsonl or .txt, found 'x.csv'")]
    [InlineData("[keep.jsonl]", "[facts.txt]", "7: retain-questions: expected a file that ends in .jsonl, found 'facts.txt'")]
    [InlineData("more/b.jsonl", "more/a.jsonl", "2: forget-questions: two files make a split 'a'; expected different file names")]
    [InlineData("[keep.jsonl]", "[a.jsonl]", "7: retain-questions: 'a.jsonl' is named already in line 2; expected each file once")]
    [InlineData("[keep.jsonl]", "[./more/../a.jsonl]", "7: retain-questions: './more/../a.jsonl' may lead out of the folder; expected a path inside it, without '..'")]
    [InlineData("[keep.jsonl]", "[../outside.jsonl]", "7: retain-questions: '../outside.jsonl' may lead out of the folder; expected a path inside it, without '..'")]
    [InlineData("[keep.jsonl]", "[/etc/outside.jsonl]", "7: retain-questions: '/etc/outside.jsonl' may lead out of the folder; expected a path inside it, without '..'")]
    [InlineData("my-facts", "*a", "1: aliases (*name) are not allowed in settings")]
    public void MistakesAreNamedWithTheirLine(string there, string instead, string message)
    {
        Assert.Contains(there, Valid, StringComparison.Ordinal);

        HybridException error = Assert.Throws<HybridException>(() => Load(Valid.Replace(there, instead, StringComparison.Ordinal)));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Equal($"{folder.File("own/dataset.yaml")}:{message}", error.Message);
    }

    [Fact]
    public void AFileThatIsNotThereIsNamedWithItsLine()
    {
        HybridException error = Assert.Throws<HybridException>(() => Load(Valid.Replace("facts.txt", "fact.txt", StringComparison.Ordinal)));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.Equal($"{folder.File("own/dataset.yaml")}:3: forget-text: {folder.File("own/fact.txt")}: no such file", error.Message);
    }

    [Fact]
    public void BytesThatAreNotUtf8AreNamedWithTheirLine()
    {
        folder.Write("own/dataset.yaml", [.. "name: a\n"u8, 0xE9]);

        HybridException error = Assert.Throws<HybridException>(() => DatasetSource.Find(folder.File("own"), null));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.Equal($"{folder.File("own/dataset.yaml")}:2: byte 0xE9 is not UTF-8; expected UTF-8 throughout", error.Message);
    }

    [Fact]
    public void NoLinkLeadsOutOfTheFolder()
    {
        File.CreateSymbolicLink(folder.File("own/link.jsonl"), "../outside.jsonl");
        AssertIsOutside("link.jsonl");
        File.CreateSymbolicLink(folder.File("own/absolute.jsonl"), folder.File("outside.jsonl"));
        AssertIsOutside("absolute.jsonl");
        Directory.CreateSymbolicLink(folder.File("own/up"), "..");
        AssertIsOutside("up/outside.jsonl");
        File.CreateSymbolicLink(folder.File("own/more/chain.jsonl"), "../link.jsonl");
        AssertIsOutside("more/chain.jsonl");
    }

    [Fact]
    public void LinksInsideTheFolderAreFollowed()
    {
        File.CreateSymbolicLink(folder.File("own/more/link.jsonl"), "../keep.jsonl");
        Directory.CreateSymbolicLink(folder.File("linked"), "own"); // the folder itself may be a link
        Load(Valid.Replace("[keep.jsonl]", "[more/link.jsonl]", StringComparison.Ordinal));

        Assert.Equal("keep.jsonl", Assert.Single(DatasetSource.Load(folder.File("linked"), null).RetainQuestions).Question);
    }

    private void AssertIsOutside(string link)
    {
        HybridException error = Assert.Throws<HybridException>(() => Load(Valid.Replace("keep.jsonl", link, StringComparison.Ordinal)));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Equal(
            $"{folder.File("own/dataset.yaml")}:7: retain-questions: '{link}' is a link to {folder.File("outside.jsonl")}, out of the folder; expected a file inside it", error.Message);
    }

    private UnlearningDataset Load(string yaml)
    {
        folder.Write("own/dataset.yaml", yaml);
        return DatasetSource.Load(folder.File("own"), dataDirectory: null);
    }
}
