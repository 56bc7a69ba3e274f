using System.Text;

namespace Hybrid.Faults.DuringRuns;

/// <summary>A native library that is missing, broken or another version's.</summary>
internal static class BrokenLibrary
{
    private const int NativeLibrary = 20;

    public static IEnumerable<Finding> Run(SmallWorld world)
    {
        string folder = world.Fresh("libraries");
        byte[] good = File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(world.Surroundings.Hybrid)!, "libhybrid.so"));
        (string What, byte[]? Bytes, string Said)[] cases =
        [
            ("missing", null, "was looked for at"),
            ("empty", [], "cannot be loaded"),
            ("a text", Encoding.UTF8.GetBytes(new string('x', 10_000)), "invalid ELF header"),
            ("cut off", good[..(good.Length / 2)], "cut off"),
            ("of another LibTorch's name", Changed(good, "libtorch_cpu.so.", "libtorch_cpu.sx."), "cannot open shared object file"),
            ("of a LibTorch that lacks a function", Changed(good, "_ZN2at4_ops", "_ZN2at4_opx"), "undefined symbol"),
            ("without the version's functions", Changed(good, "hyb_abi_version", "hyb_abi_versiox"), "is no libhybrid"),
            ("of other headers", Changed(good, HashIn(good), new string('0', 64)), "was built from headers 000000000000"),
        ];
        foreach ((string what, byte[]? bytes, string said) in cases)
        {
            string path = Path.Combine(folder, "libhybrid.so");
            File.Delete(path);
            if (bytes is not null)
            {
                File.WriteAllBytes(path, bytes);
            }

            yield return new Inspection($"native library: {what}").Fails(world.Run(["inspect", world.Model], null, ("HYBRID_LIBRARY", path)), NativeLibrary, path, said).Finding;
        }
    }

    private static byte[] Changed(byte[] file, string from, string to)
    {
        byte[] changed = [.. file], old = Encoding.ASCII.GetBytes(from), with = Encoding.ASCII.GetBytes(to);
        for (int at = 0; changed.AsSpan(at).IndexOf(old) is var found and >= 0; at += found + old.Length)
        {
            with.CopyTo(changed, at + found);
        }

        return changed;
    }

    /// <summary>The 64 hexadecimal digits that stand alone between two zero bytes.</summary>
    private static string HashIn(byte[] file) => System.Text.RegularExpressions.Regex.Match(Encoding.Latin1.GetString(file), "\0([0-9a-f]{64})\0").Groups[1].Value;
}
