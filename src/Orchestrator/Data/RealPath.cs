namespace Hybrid.Orchestrator.Data;

/// <summary>Where a path really leads, every symbolic link on the way followed as the system follows it.</summary>
internal static class RealPath
{
    // Linux gives up at the same number.
    private const int MostLinks = 40;

    /// <summary>The absolute path without links, '.' and '..'; what is not there is taken as it is written.</summary>
    /// <exception cref="HybridException"><see cref="ErrorKind.Io"/>: the links lead in a circle.</exception>
    public static string Of(string path)
    {
        // Not GetFullPath: it would take 'link/..' for the link's own folder, where the system means the folder above its target.
        string full = Path.Combine(Directory.GetCurrentDirectory(), path);
        string root = Path.GetPathRoot(full)!;
        string real = root;
        Stack<string> rest = new(full[root.Length..].Split(Path.DirectorySeparatorChar).Reverse());
        int links = 0;
        while (rest.TryPop(out string? part))
        {
            if (part is "" or ".")
            {
                continue;
            }

            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? root;
                continue;
            }

            string next = Path.Combine(real, part);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MostLinks)
            {
                throw new HybridException(ErrorKind.Io, $"{path}: follows more than {MostLinks} links; expected a file");
            }

            real = Path.IsPathRooted(target) ? root : real;
            foreach (string step in target.Split(Path.DirectorySeparatorChar).Reverse())
            {
                rest.Push(step);
            }
        }

        return real;
    }
}
