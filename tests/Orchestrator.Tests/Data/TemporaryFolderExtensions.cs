using Hybrid.TestSupport;

namespace Hybrid.Orchestrator.Tests.Data;

/// <summary>Writes test data into a temporary folder and gives back its path.</summary>
internal static class TemporaryFolderExtensions
{
    public static string Write(this TemporaryFolder folder, string name, string content)
    {
        string path = folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    public static string Write(this TemporaryFolder folder, string name, byte[] content)
    {
        string path = folder.File(name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
