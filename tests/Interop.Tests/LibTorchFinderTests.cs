using System.Diagnostics;
using System.Runtime.InteropServices;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>Where LibTorch is looked for, and what is said of the wrong one: on folders made by hand and small libraries made with the C compiler.</summary>
public sealed unsafe class LibTorchFinderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static string Libhybrid => NativeLoader.Locate(Environment.GetEnvironmentVariable(NativeLoader.PathVariable), AppContext.BaseDirectory, []);

    private LibTorchFinder Nothing => new() { Option = null, Environment = null, LoaderFolders = [], Python = folder.File("no-python3"), Prefixes = [] };

    // readelf is another reader of the same file.
    [Fact]
    public void WhatALibraryNeedsIsReadFromItsFile()
    {
        ElfFile file = ElfFile.Read(Libhybrid)!;

        string[] expected = [.. Run("readelf", "-d", Libhybrid).Split('\n').Where(line => line.Contains("(NEEDED)", StringComparison.Ordinal)).Select(line => line.Split('[', ']')[1])];
        Assert.Contains(expected, name => name.StartsWith("libtorch_cpu.so", StringComparison.Ordinal));
        Assert.Equal(expected, file.Needed);
        Assert.Contains($"LibTorch {file.LibTorchVersion},", Runtime.BuildInfo, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNoWholeLibraryIsNotRead()
    {
        byte[] whole = File.ReadAllBytes(Libhybrid);
        File.WriteAllBytes(folder.File("half.so"), whole[..(whole.Length / 2)]);
        File.WriteAllText(folder.File("text.so"), "not an ELF file");
        File.WriteAllText(folder.File("empty.so"), string.Empty);

        Assert.Null(ElfFile.Read(folder.File("half.so")));
        Assert.Null(ElfFile.Read(folder.File("text.so")));
        Assert.Null(ElfFile.Read(folder.File("empty.so")));
        Assert.Null(LibTorchNeed.Of(folder.File("text.so")));
        Assert.Null(LibTorchNeed.Of(folder.File("absent.so")));
    }

    [Fact]
    public void ANamedFolderWithoutItIsAnErrorThatSaysWhatWasLookedForWhere()
    {
        string message = Assert.Throws<DllNotFoundException>(() => NativeLoader.Load(Libhybrid, Nothing with { Environment = folder.Path })).Message;

        ElfFile file = ElfFile.Read(Libhybrid)!;
        Assert.StartsWith($"{Libhybrid}: needs LibTorch {string.Join('.', file.LibTorchVersion!.Split('.').Take(2))} (", message, StringComparison.Ordinal);
        Assert.Contains(file.Needed.First(LibTorchNeed.IsLibTorch), message, StringComparison.Ordinal);
        Assert.EndsWith($"), but LIBTORCH names {folder.Path}: none in {folder.File("lib")}, {folder.File("lib/x86_64-linux-gnu")}, {folder.Path}", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.4.1", "older than")]
    [InlineData("99.0.0", "newer than")]
    public void ANamedFolderOfAnotherVersionIsAnErrorThatSaysWhichWasFound(string version, string difference)
    {
        foreach (string name in ElfFile.Read(Libhybrid)!.Needed.Where(LibTorchNeed.IsLibTorch))
        {
            Write($"lib/{LibTorchNeed.Stem(name)}", string.Empty);
        }

        Write("build-version", version);

        // The program's word counts for more than the environment's.
        string message = Assert.Throws<DllNotFoundException>(() => NativeLoader.Load(Libhybrid, Nothing with { Option = folder.Path, Environment = "/usr" })).Message;

        Assert.Contains($"but Runtime.UseLibTorch names {folder.Path}: LibTorch {version} in {folder.File("lib")}, {difference} the ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void ASecondLibTorchInOneProcessIsRefused()
    {
        _ = Runtime.BuildInfo;
        foreach (string name in ElfFile.Read(Libhybrid)!.Needed.Where(LibTorchNeed.IsLibTorch))
        {
            Write($"lib/{name}", string.Empty);
        }

        string message = Assert.Throws<DllNotFoundException>(() => NativeLoader.Load(Libhybrid, Nothing with { Option = folder.Path })).Message;

        Assert.Matches(@"lib(torch|c10)\S*: cannot be loaded: this process has /\S+/lib(torch|c10)\S* already", message);
    }

    [Fact]
    public void WhatNoPlaceHasIsAnErrorThatNamesEveryPlace()
    {
        string library = Compile("libneeds.so", "int torch_fake(void); int answer(void) { return torch_fake(); }", "-Wl,-rpath,$ORIGIN/beside", Fake("gone", 42, "libtorch_fake.so.2.1"));
        Directory.Delete(folder.File("gone"), recursive: true);
        Write("lib/libtorch_fake.so.1.9", string.Empty);
        Directory.CreateDirectory(folder.File("set"));
        string python = Script("python3", "exit 1");

        string message = Assert.Throws<DllNotFoundException>(() => NativeLoader.Load(library, Nothing with { LoaderFolders = [folder.File("set")], Python = python, Prefixes = ["/nowhere", folder.Path] })).Message;

        Assert.Equal(
            $"{library}: needs LibTorch 2.1 (libtorch_fake.so.2.1), which the system's loader did not find and which was looked for in "
            + $"its RUNPATH: {folder.File("beside")} is no folder; LD_LIBRARY_PATH: none in {folder.File("set/lib")}, {folder.File("set/lib/x86_64-linux-gnu")}, {folder.File("set")}; "
            + $"python3's PyTorch: {python} has no torch; /nowhere: /nowhere is no folder; {folder.Path}: LibTorch 1.9 in {folder.File("lib")}, older than the 2.1 needed; "
            + "name the folder of the right one in LIBTORCH, or with Runtime.UseLibTorch",
            message);
    }

    [Theory]
    [InlineData("option", 1)]
    [InlineData("environment", 2)]
    [InlineData("python", 3)]
    [InlineData("prefix", 4)]
    public void TheRightOneIsLoadedFromEveryPlace(string place, int answer)
    {
        // Each has names of its own: a library stays in the process, and is found there by its name.
        string name = $"libtorch_fake{place}.so.2.1", fake = Fake("right/lib", answer, name);
        string library = Compile($"libneeds{place}.so", "int torch_fake(void); int answer(void) { return torch_fake(); }", fake);
        string right = folder.File("right"), empty = folder.File("empty");
        Directory.CreateDirectory(empty);
        LibTorchFinder finder = place switch
        {
            "option" => Nothing with { Option = right, Environment = empty },
            "environment" => Nothing with { Environment = right },
            "python" => Nothing with { Python = Script("python3", $"echo {right}"), Prefixes = [empty] },
            _ => Nothing with { LoaderFolders = [empty], Prefixes = [empty, right] },
        };

        // It is no libhybrid, which shows that it was loaded.
        Assert.Contains("has no hyb_abi_version", Assert.Throws<NativeException>(() => NativeLoader.Load(library, finder)).Message, StringComparison.Ordinal);
        var function = (delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(NativeLibrary.Load(library), "answer");
        Assert.Equal(answer, function());
    }

    [Fact]
    public void PythonIsNotAskedWhereTheLoaderFindsLibTorch()
    {
        string asked = folder.File("asked");
        string python = Script("python3", $"touch {asked}");

        Assert.NotEqual(0, NativeLoader.Load(Libhybrid, Nothing with { Python = python }));
        Assert.False(File.Exists(asked));
        Assert.Equal((null, $"{python} has no torch"), PythonTorch.Find(python));
        Assert.True(File.Exists(asked));
        Assert.Equal((null, $"there is no {folder.File("no-python3")}"), PythonTorch.Find(folder.File("no-python3")));
    }

    // python3 looks for packages in its working folder, where a file torch.py of somebody else's may lie.
    [Fact]
    public void PythonDoesNotLookInTheWorkingFolder()
    {
        string seen = folder.File("seen");
        PythonTorch.Find(Script("python3", $"pwd > {seen}"));
        Assert.Equal("/\n", File.ReadAllText(seen));
    }

    // The reason is another than LibTorch, so nothing is looked for.
    [Fact]
    public void AnotherLibraryThatIsMissingIsTheLoadersToName()
    {
        string other = Compile("libother.so", "int other(void) { return 1; }", "-Wl,-soname,libother.so.7");
        string library = Compile("libneedsother.so", "int other(void); int answer(void) { return other(); }", other);
        File.Delete(other);

        string message = Assert.Throws<DllNotFoundException>(() => NativeLoader.Load(library, Nothing)).Message;

        Assert.StartsWith($"{library}: cannot be loaded: libother.so.7: cannot open shared object file", message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    /// <summary>A library that looks like one of LibTorch's, with one function that gives a number.</summary>
    private string Fake(string below, int answer, string name)
    {
        Directory.CreateDirectory(folder.File(below));
        return Compile($"{below}/{name}", $"int torch_fake(void) {{ return {answer}; }}", $"-Wl,-soname,{name}");
    }

    private string Compile(string name, string source, params string[] arguments)
    {
        string path = folder.File(name), code = folder.File("source.c");
        File.WriteAllText(code, source);
        Run("gcc", ["-shared", "-fPIC", "-o", path, code, .. arguments]);
        return path;
    }

    private string Script(string name, string command)
    {
        string path = folder.File(name);
        File.WriteAllText(path, $"#!/bin/sh\n{command}\n");
        Run("chmod", "u+x", path);
        return path;
    }

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
        File.WriteAllText(folder.File(name), text);
    }

    private static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}");
        return output;
    }
}
