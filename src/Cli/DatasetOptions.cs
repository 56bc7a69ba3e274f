using System.CommandLine;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;

namespace Hybrid.Cli;

/// <summary>The options that say which dataset a command works on, the same for every command.</summary>
internal sealed class DatasetOptions
{
    private readonly Option<string> dataset = new("--dataset")
    {
        Description = "random-birthdays, years, wmdp-deduped or mmlu; or a folder of your own with a dataset.yaml.",
        Required = true,
        HelpName = "NAME|FOLDER",
    };

    private readonly Option<string?> data = new("--data")
    {
        Description = "For a dataset by name: the folder that holds random_bd/ and the other datasets in RTT's layout.",
        HelpName = "FOLDER",
    };

    private readonly Option<string?> retainText = new("--retain-text")
    {
        Description = "A .txt (a text a line) or .jsonl ({\"text\": …}) file to retain, in place of the dataset's own.",
        HelpName = "FILE",
    };

    private readonly Option<string?> retainQuestions = new("--retain-questions")
    {
        Description = "A .jsonl file of questions to retain, in place of the dataset's own.",
        HelpName = "FILE.jsonl",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(dataset);
        command.Options.Add(data);
        command.Options.Add(retainText);
        command.Options.Add(retainQuestions);
    }

    /// <summary>The file with retain text, null for the dataset's own.</summary>
    public string? RetainTextOf(ParseResult parsed) => parsed.GetValue(retainText);

    /// <summary>The files of the dataset.</summary>
    /// <exception cref="HybridException">Config, DataFile, Io.</exception>
    public DatasetFiles Find(ParseResult parsed) => DatasetSource.Find(
        parsed.GetValue(dataset)!, parsed.GetValue(data), parsed.GetValue(retainText), parsed.GetValue(retainQuestions));

    /// <summary>The dataset, its questions read.</summary>
    /// <exception cref="HybridException">Config, DataFile, EmptySplit, Io.</exception>
    public UnlearningDataset Load(ParseResult parsed) => Find(parsed).Load();
}
