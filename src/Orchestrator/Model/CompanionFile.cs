using Hybrid.Orchestrator.Data;

namespace Hybrid.Orchestrator.Model;

/// <summary>
/// Files that come with a model and that a model made of it carries along as they are. Being copied unread, they must be the folder's own: a
/// folder from a stranger could link one to a file of the user's, which would then be published with the new model.
/// </summary>
internal static class CompanionFile
{
    private const string Snapshots = "snapshots";
    private const string Blobs = "blobs";

    /// <summary>
    /// Makes sure that a file of a folder lies in it, or where Hugging Face's cache keeps the files that its folders link to: for
    /// <c>snapshots/REVISION</c>, the folder <c>blobs</c> beside <c>snapshots</c>. A file that is not there passes.
    /// </summary>
    /// <exception cref="HybridException">ModelFile: it is a link to somewhere else.</exception>
    public static void RequireOwn(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        string real = RealPath.Of(path), home = RealPath.Of(folder);
        string? cache = Path.GetDirectoryName(home) is { } above && Path.GetFileName(above) == Snapshots ? Path.Combine(Path.GetDirectoryName(above)!, Blobs) : null;
        if (!IsIn(home, real) && !(cache is not null && IsIn(cache, real)))
        {
            throw new HybridException(
                ErrorKind.ModelFile, $"{path}: is a link to {real}, out of the folder, and would be copied along with the model; expected the file itself, or a link into a cache's {Blobs}");
        }
    }

    private static bool IsIn(string folder, string path) => path.StartsWith(folder.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
