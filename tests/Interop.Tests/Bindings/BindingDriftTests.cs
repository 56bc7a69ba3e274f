using System.Reflection;
using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests.Bindings;

/// <summary>The headers, the committed bindings and the built library say the same. Needs no ClangSharp.</summary>
public sealed class BindingDriftTests
{
    private static readonly IReadOnlyDictionary<string, string> HeaderTexts = Directory.GetFiles(Repository.Headers, "*.h").ToDictionary(path => Path.GetFileName(path), File.ReadAllText);

    [Fact]
    public void HeadersAndBindingsAgree()
    {
        Declarations headers = HeaderReader.Read(InOrderOfInclusion(HeaderTexts));

        Assert.Empty(Declarations.Differences(headers, BindingReader.Read()));
        Assert.True(headers.Functions.Count >= 50, $"only {headers.Functions.Count} functions were found");
        Assert.True(headers.Constants.Count >= 20, $"only {headers.Constants.Count} constants were found");
        Assert.Equal(["hyb_density", "hyb_memory_meter", "hyb_safetensors", "hyb_tensor"], headers.OpaqueStructs.Order());
    }

    [Fact]
    public void EveryMethodIsImportedByItsOwnNameFromHybrid() => Assert.All(BindingReader.Methods, method => Assert.Equal(string.Empty, BindingReader.Fault(method)));

    [Fact]
    public void TheOpaqueStructsHaveNoFields() =>
        Assert.All(
            new[] { typeof(hyb_tensor), typeof(hyb_density), typeof(hyb_memory_meter), typeof(hyb_safetensors) },
            type => Assert.Empty(type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)));

    [Fact]
    public void TheGeneratorTraversesEveryHeader()
    {
        string[] headers = [.. HeaderTexts.Keys.Where(name => name != "hybrid.h").Order(StringComparer.Ordinal)];
        string[] lines = File.ReadAllLines(Repository.At("native", "bindings", "generate.rsp"));
        IEnumerable<string> traversed = lines.SkipWhile(line => line != "--traverse").Skip(1).TakeWhile(line => !line.StartsWith("--", StringComparison.Ordinal));

        Assert.Equal(headers.Select(name => $"../include/hybrid/{name}"), traversed);
        Assert.Equal(headers, IncludesOf(HeaderTexts["hybrid.h"]));
    }

    [Fact]
    public void TheLibraryExportsWhatTheHeadersDeclare()
    {
        IEnumerable<string> declared = HeaderReader.Read(InOrderOfInclusion(HeaderTexts)).Functions.Keys.Order(StringComparer.Ordinal);
        string path = NativeLoader.Locate(Environment.GetEnvironmentVariable(NativeLoader.PathVariable), AppContext.BaseDirectory, []);
        IEnumerable<string> exported = ElfExports.Read(File.ReadAllBytes(path)).Where(name => name.StartsWith("hyb_", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

        Assert.Equal(declared, exported);
    }

    // The test of the test: each edit of a header, made without regenerating the bindings, is found and named.
    [Theory]
    [InlineData("tensor.h", "void* buffer, int64_t bytes", "void* buffer, int32_t bytes", "hyb_tensor_copy_to")] // a type
    [InlineData("tensor.h", "void* buffer, int64_t bytes", "void* buffer, int64_t length", "hyb_tensor_copy_to")] // a name
    [InlineData("tensor.h", "void* buffer, int64_t bytes", "void* buffer", "hyb_tensor_copy_to")] // a parameter less
    [InlineData("tensor.h", "void* buffer, int64_t bytes", "int64_t bytes, void* buffer", "hyb_tensor_copy_to")] // their order
    [InlineData("tensor.h", "int32_t dim, hyb_tensor** out", "int32_t dim, hyb_tensor* out", "hyb_tensor_cat")] // a pointer less
    [InlineData("density.h", "double* values", "uint64_t* values", "hyb_density_values")]
    [InlineData("base.h", "HYB_API int32_t hyb_abi_version(void);", "HYB_API int64_t hyb_abi_version(void);", "hyb_abi_version")] // a result
    [InlineData("base.h", "HYB_API int32_t hyb_abi_version(void);", "", "hyb_abi_version is only in the bindings")]
    [InlineData("base.h", "HYB_API int32_t hyb_abi_version(void);", "HYB_API int32_t hyb_abi_version(void); HYB_API void hyb_new(void);", "hyb_new is only in the headers")]
    [InlineData("base.h", "#define HYB_BF16 2", "#define HYB_BF16 9", "9 in the headers is 2 in the bindings")]
    [InlineData("base.h", "#define HYB_BF16 2", "", "HYB_BF16 is only in the bindings")]
    [InlineData("base.h", "#define HYB_BF16 2", "#define HYB_BF16 2\n#define HYB_F8 8", "HYB_F8 is only in the headers")]
    [InlineData("density.h", "typedef struct hyb_density hyb_density;", "typedef struct hyb_density hyb_density; typedef struct hyb_more hyb_more;", "struct hyb_more")]
    public void AnEditedHeaderIsFoundOut(string header, string before, string after, string said)
    {
        Assert.Contains(before, HeaderTexts[header], StringComparison.Ordinal);
        Dictionary<string, string> edited = new(HeaderTexts) { [header] = HeaderTexts[header].Replace(before, after, StringComparison.Ordinal) };

        string difference = Assert.Single(Declarations.Differences(HeaderReader.Read(InOrderOfInclusion(edited)), BindingReader.Read()));
        Assert.Contains(said, difference, StringComparison.Ordinal);
    }

    /// <summary>Each header once, after those it includes.</summary>
    private static IEnumerable<string> InOrderOfInclusion(IReadOnlyDictionary<string, string> headers)
    {
        List<string> order = [];
        foreach (string name in headers.Keys.Order(StringComparer.Ordinal))
        {
            Visit(name);
        }

        return order.Select(name => headers[name]);

        void Visit(string name)
        {
            foreach (string included in IncludesOf(headers[name]).Where(included => !order.Contains(included)))
            {
                Visit(included);
            }

            if (!order.Contains(name))
            {
                order.Add(name);
            }
        }
    }

    private static IEnumerable<string> IncludesOf(string header)
    {
        const string Before = "#include \"hybrid/";
        return header.Split('\n').Where(line => line.StartsWith(Before, StringComparison.Ordinal)).Select(line => line[Before.Length..].TrimEnd('"'));
    }
}
