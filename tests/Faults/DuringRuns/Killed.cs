namespace Hybrid.Faults.DuringRuns;

/// <summary>What a killed process leaves is removed by the next one to the same place, and what a living one is filling never is.</summary>
internal static class Killed
{
    public static IEnumerable<Finding> Run(SmallWorld world)
    {
        string folder = world.Fresh("killed"), output = Path.Combine(folder, "out");
        var inspection = new Inspection("kill -9 while a model is in the making, then others to the same --out, one of them alive");
        for (int i = 0; i < world.Surroundings.Times(1); i++)
        {
            using (var first = new HybridProcess(world.Surroundings, world.Unlearn(output, "--epochs", "100000")))
            {
                inspection.Require(first.WaitUntil(() => Rooms().Length == 1), "the first run never took its room");
                first.Kill();
            }

            string[] dead = Rooms();
            inspection.Require(dead.Length == 1, "the killed run left nothing to test with");
            using var living = new HybridProcess(world.Surroundings, world.Unlearn(output, "--epochs", "100000", "--resume"));
            inspection.Require(living.WaitUntil(() => Rooms() is [var room] && room != dead[0]), "what the killed run left is still there, or the second run did not come so far");
            string[] before = Directory.GetFileSystemEntries(folder);
            inspection.Fails(world.Run(world.Unlearn(output, "--overwrite")), 19, "another process is running in this folder");
            inspection.Require(before.All(Path.Exists), "a living run's files were removed");
            living.Kill();
            inspection.Succeeds(world.Run(world.Unlearn(output, "--overwrite")));
            inspection.Require(Directory.GetFileSystemEntries(folder) is [var only] && only == output, "something is left");
            Directory.Delete(output, recursive: true);
        }

        yield return inspection.Finding;

        string[] Rooms() => Directory.GetFiles(folder, ".out.partial-*-room");
    }
}
