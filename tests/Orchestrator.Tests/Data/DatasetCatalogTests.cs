using Hybrid.Orchestrator.Data;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class DatasetCatalogTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("year", "years")]
    [InlineData("WMDP", "wmdp-deduped")]
    [InlineData("birthdays", "random-birthdays")]
    public void AnUnknownNameIsAnErrorWithTheNearestAndAllKnown(string name, string nearest)
    {
        HybridException error = Assert.Throws<HybridException>(() => DatasetCatalog.Load(name, folder.Path));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Equal(
            $"unknown dataset '{name}'; did you mean '{nearest}'? Known are random-birthdays, years, wmdp-deduped, mmlu, and every folder with a dataset.yaml", error.Message);
    }

    [Fact]
    public void AMissingFolderOrFileIsNamed()
    {
        HybridException noFolder = Assert.Throws<HybridException>(() => DatasetCatalog.Load("years", folder.Path));
        Assert.Equal(ErrorKind.DataFile, noFolder.Kind);
        Assert.StartsWith($"{folder.File("dates-years-trimmed")}: no such folder", noFolder.Message, StringComparison.Ordinal);

        string made = BirthdayMaker.Write(folder.Path, 5, 0);
        File.Delete(Path.Combine(made, "split_3.jsonl"));
        HybridException noFile = Assert.Throws<HybridException>(() => DatasetCatalog.Load("random-birthdays", folder.Path));
        Assert.Equal(ErrorKind.DataFile, noFile.Kind);
        Assert.Equal($"{Path.Combine(made, "split_3.jsonl")}: no such file", noFile.Message);
    }

    [Fact]
    public void ASplitWithoutQuestionsIsAnError()
    {
        string made = BirthdayMaker.Write(folder.Path, 5, 0);
        File.WriteAllText(Path.Combine(made, "split_7.jsonl"), "\n");

        HybridException error = Assert.Throws<HybridException>(() => DatasetCatalog.Load("random-birthdays", folder.Path));

        Assert.Equal(ErrorKind.EmptySplit, error.Kind);
        Assert.Contains("split_7.jsonl: holds no question", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TextThatIsMissingIsAnErrorOnlyWhenRead()
    {
        string made = BirthdayMaker.Write(folder.Path, 5, 0);
        File.Delete(Path.Combine(made, "whp_corpus_split_2.jsonl"));
        File.WriteAllText(Path.Combine(made, "corpus_split_8.jsonl"), "");

        UnlearningDataset dataset = DatasetCatalog.Load("random-birthdays", folder.Path);

        Assert.Equal(15, dataset.ForgetText.Read().Count);
        HybridException missing = Assert.Throws<HybridException>(() => dataset.WrongText.Read());
        Assert.Equal(ErrorKind.DataFile, missing.Kind);
        Assert.Equal($"{Path.Combine(made, "whp_corpus_split_2.jsonl")}: no such file", missing.Message);
        HybridException empty = Assert.Throws<HybridException>(() => dataset.RetainText.Read());
        Assert.Equal(ErrorKind.EmptySplit, empty.Kind);
        Assert.Contains("corpus_split_8.jsonl: holds no text", empty.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void YearsRetainsTextOfMmlusForgetCategoriesAndQuestionsOfItsRetainCategories()
    {
        WriteSplits("dates-years-trimmed", [.. Enumerable.Range(0, 5).Select(index => $"split_{index}"), "dev"]);
        WriteSplits("mmlu_cats_random_trimmed", MmluSplits);

        UnlearningDataset dataset = DatasetCatalog.Load("years", folder.Path);

        Assert.Equal(
            ["mmlu_STEM", "mmlu_business", "mmlu_chemistry", "mmlu_culture", "mmlu_geography"],
            dataset.RetainText.Read().Select(text => text["mmlu_cats_random_trimmed/".Length..]));
        Assert.Equal(
            ["mmlu_health", "mmlu_history", "mmlu_law", "mmlu_philosophy", "mmlu_social sciences"],
            dataset.RetainQuestions.Select(question => question.Question["mmlu_cats_random_trimmed/".Length..]));
        Assert.Equal("dates-years-trimmed/split_0", dataset.ForgetText.Read()[0]);
        Assert.Equal("whp dates-years-trimmed/split_0", dataset.WrongText.Read()[0]);
    }

    [Theory]
    [InlineData("wmdp-deduped", "wmdp-deduped/split_0")]
    [InlineData("mmlu", "mmlu_cats_random_trimmed/mmlu_STEM")]
    public void WmdpAndMmluRetainMmlusRetainCategories(string name, string firstForgotten)
    {
        WriteSplits("wmdp-deduped", [.. Enumerable.Range(0, 5).Select(index => $"split_{index}"), "dev"]);
        WriteSplits("mmlu_cats_random_trimmed", MmluSplits);

        UnlearningDataset dataset = DatasetCatalog.Load(name, folder.Path);

        string[] retained = ["mmlu_health", "mmlu_history", "mmlu_law", "mmlu_philosophy", "mmlu_social sciences"];
        Assert.Equal(retained, dataset.RetainText.Read().Select(text => text["mmlu_cats_random_trimmed/".Length..]));
        Assert.Equal(retained, dataset.RetainQuestions.Select(question => question.Question["mmlu_cats_random_trimmed/".Length..]));
        Assert.Equal(5, dataset.ForgetSplits.Count);
        Assert.Equal(firstForgotten, dataset.ForgetSplits[0].Questions[0].Question);
        Assert.Equal(firstForgotten, dataset.ForgetText.Read()[0]);
    }

    private static string[] MmluSplits =>
    [
        "mmlu_STEM", "mmlu_business", "mmlu_chemistry", "mmlu_culture", "mmlu_geography",
        "mmlu_health", "mmlu_history", "mmlu_law", "mmlu_philosophy", "mmlu_social sciences", "dev",
    ];

    private void WriteSplits(string name, string[] splits)
    {
        foreach (string split in splits)
        {
            folder.Write($"{name}/{split}.jsonl", $$"""{"question": "{{name}}/{{split}}", "choices": [1, 2, 3, 4], "answer": 0}""");
            folder.Write($"{name}/corpus_{split}.jsonl", $$"""{"text": "{{name}}/{{split}}"}""");
            folder.Write($"{name}/whp_corpus_{split}.jsonl", $$"""{"text": "whp {{name}}/{{split}}"}""");
        }
    }
}
