using Hybrid.Orchestrator;

namespace UnlearningService;

/// <summary>Where a path really leads.</summary>
internal static class RealPath
{
    private const int MostLinks = 40; // as Linux

    /// <summary>The absolute path without links, <c>.</c> and <c>..</c>, each followed as the system does, from left to right; what is not there is taken as it is written.</summary>
    /// <exception cref="HybridException">Config: the links lead in a circle, or no path can read so.</exception>
    public static string Of(string path)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            throw new HybridException(ErrorKind.Config, $"{path}: holds a zero character; expected a path");
        }

        // GetFullPath would not do: of 'link/..' it makes the folder that the link is in, and the system the one above the link's target.
        Stack<string> rest = Parts(Path.Combine(Directory.GetCurrentDirectory(), path), []);
        string real = "/";
        for (int links = 0; rest.TryPop(out string? part);)
        {
            string next = Path.Combine(real, part);
            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? "/";
            }
            else if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
            }
            else if (++links > MostLinks)
            {
                throw new HybridException(ErrorKind.Config, $"{path}: follows more than {MostLinks} links");
            }
            else
            {
                real = Path.IsPathRooted(target) ? "/" : real;
                rest = Parts(target, rest);
            }
        }

        return real;
    }

    private static Stack<string> Parts(string path, Stack<string> rest)
    {
        foreach (string part in path.Split('/').Reverse().Where(part => part is not ("" or ".")))
        {
            rest.Push(part);
        }

        return rest;
    }
}
