namespace Hybrid.Faults.DuringRuns;

/// <summary>
/// Faults of the machine and of people while a command runs: full and read-only disks, files that are cut off or taken away, no memory, losses that
/// are no numbers, broken libraries, kills. Each must end in one line that says what to do, with what was there before as it was.
/// </summary>
internal sealed class FaultsTrial : ITrial
{
    public string Name => "faults";

    public IEnumerable<Finding> Run(Surroundings surroundings)
    {
        var world = new SmallWorld(surroundings);
        Func<SmallWorld, IEnumerable<Finding>>[] groups =
        [
            FullDisk.Run, Unwritable.Run, TouchedInputs.Run, ShortMemory.Run, Divergence.Run, BrokenLibrary.Run, Killed.Run, CutFiles.Run,
        ];
        return groups.SelectMany(group => group(world));
    }
}
