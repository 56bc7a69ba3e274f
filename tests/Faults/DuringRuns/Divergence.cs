namespace Hybrid.Faults.DuringRuns;

/// <summary>A loss that is no number: what was good is kept, and a second try is not in the way of the first.</summary>
internal static class Divergence
{
    private const int Diverged = 16;

    public static IEnumerable<Finding> Run(SmallWorld world)
    {
        string folder = world.Fresh("diverged"), output = Path.Combine(folder, "out");
        var inspection = new Inspection("a loss that is no number, three times to one --out");
        inspection.Fails(world.Run(world.Unlearn(output, "--epochs", "3", "--learning-rate", "1e30")), Diverged, $"{output}.last-good");
        var first = Inspection.FilesOf($"{output}.last-good");
        inspection.Fails(world.Run(world.Unlearn(output, "--epochs", "3", "--learning-rate", "1e30")), Diverged, $"{output}.last-good-2");
        inspection.Fails(world.Run(world.Unlearn(output, "--epochs", "3", "--learning-rate", "1e30", "--overwrite")), Diverged, $"{output}.last-good-3");
        inspection.Unchanged(first, $"{output}.last-good");
        inspection.Require(Directory.GetFileSystemEntries(folder).Length == 3, "something else is left");
        inspection.Succeeds(world.Run(["inspect", $"{output}.last-good-2"])).Succeeds(world.Run(world.Unlearn(output)));
        yield return inspection.Finding;
    }
}
