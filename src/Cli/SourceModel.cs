using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Cli;

/// <summary>The folder that a model was loaded from, which others may change, move or delete while the command works.</summary>
/// <param name="folder">The folder, as it is before the weights are loaded.</param>
internal sealed class SourceModel(string folder)
{
    private readonly string stamps = StampsOf(folder);

    /// <summary>The share of the parameters whose bits differ from the folder's; null, with a note, where the folder is not any more what was loaded.</summary>
    public double? ShareChanged(LlamaModel model, CommandContext context)
    {
        try
        {
            if (StampsOf(folder) == stamps)
            {
                return ChangedShare.AgainstFolder(folder, model);
            }
        }
        catch (HybridException error) when (error.Kind is ErrorKind.ModelFile or ErrorKind.Io)
        {
            // Deleted or cut off since the line above: the same note.
        }

        context.Error.Profile.Out.Writer.WriteLine($"hybrid: note: {folder}: its weights are not any more those that were loaded, so it is not known how many parameters changed");
        return null;
    }

    /// <summary>The share in a phrase after others, empty where it is not known.</summary>
    public static string Phrase(double? share) => share is { } part ? Tables.Text($", {part * 100:F2} % of the parameters changed") : string.Empty;

    private static string StampsOf(string folder) =>
        FileStamps.Digest(Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Where(file => WeightShards.IsWeightsFile(Path.GetFileName(file))).Order(StringComparer.Ordinal) : []);
}
