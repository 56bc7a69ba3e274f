namespace Hybrid.Faults.DuringRuns;

/// <summary>Places that nothing can be written to: another's folder, a file system that may only be read, a path below a file, a name too long.</summary>
internal static class Unwritable
{
    private const int Io = 19;
    private static readonly string[] AsNobody = ["setpriv", "--reuid=65534", "--clear-groups"];

    public static IEnumerable<Finding> Run(SmallWorld world)
    {
        string place = world.Fresh("place");
        SmallWorld.Copy(world.Model, Path.Combine(place, "model"));
        File.WriteAllText(Path.Combine(place, "file"), "kept");
        foreach ((string what, string[] through, string said) in Users())
        {
            foreach (Finding finding in Everywhere(world, what, place, through, said))
            {
                yield return finding;
            }
        }

        using (SmallDisk? disk = SmallDisk.TryMount(world.PathOf("read-only"), 16 << 20))
        {
            if (disk is not null)
            {
                SmallWorld.Copy(world.Model, Path.Combine(disk.Folder, "model"));
                disk.ReadOnly();
                foreach (Finding finding in Everywhere(world, "read-only file system (tmpfs)", disk.Folder, [], "may only be read; name another place"))
                {
                    yield return finding;
                }
            }
        }

        foreach (Finding finding in Everywhere(world, "path below a file", Path.Combine(place, "file"), [], "is a file and no folder", place))
        {
            yield return finding;
        }

        foreach (Finding finding in Everywhere(world, "name too long", Path.Combine(place, new string('n', 300)), [], "the name is too long", place))
        {
            yield return finding;
        }
    }

    private static IEnumerable<(string What, string[] Through, string Said)> Users()
    {
        if (Environment.UserName == "root")
        {
            yield return ("folder of another user (setpriv)", AsNobody, "this user may not write there");
        }
    }

    private static IEnumerable<Finding> Everywhere(SmallWorld world, string what, string place, string[] through, string said, string? watched = null)
    {
        watched ??= place;
        string model = Path.Combine(place, "model"), fresh = Path.Combine(place, "out");
        (string Command, string[] Line)[] commands =
        [
            ("unlearn", world.Unlearn(fresh)),
            ("learn", ["learn", .. world.DataOptions, "--epochs", "1", "--out", fresh]),
            ("run", world.Experiment(fresh)),
            ("attack", ["attack", "--model", world.Model, .. world.DataOptions, "--folds", "1", "--epochs", "1", "--learning-rates", "1e-4", "--out", fresh]),
            ("data", ["data", "make-birthdays", "--people", "5", "--out", fresh]),
            .. Directory.Exists(model) ? [("unlearn --overwrite", world.Unlearn(model, "--overwrite")), ("inspect --json", ["inspect", world.Model, "--json", fresh])] : Array.Empty<(string, string[])>(),
        ];
        var inspection = new Inspection($"{what}: {string.Join(", ", commands.Select(command => command.Command))}");
        var before = Inspection.FilesOf(watched);
        foreach ((_, string[] line) in commands)
        {
            inspection.Fails(world.Run(line, through), Io, said).Unchanged(before, watched);
        }

        yield return inspection.Finding;
    }
}
