using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>Dependencies point one way, and only Interop sees a pointer.</summary>
public sealed partial class ArchitectureTests
{
    [Theory]
    [InlineData("Interop", new string[0])]
    [InlineData("Orchestrator", new[] { "Interop" })]
    [InlineData("Cli", new[] { "Orchestrator" })]
    public void ProjectsReferToTheLayerBelow(string project, string[] below)
    {
        IEnumerable<string> references = Project(project).Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));

        Assert.Equal(below, references);
    }

    [Fact]
    public void TheLayersAreAllOfTheProjects() =>
        Assert.Equal(["Cli", "Interop", "Orchestrator"], Directory.GetDirectories(Repository.At("src")).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Fact]
    public void OnlyInteropAllowsUnsafeCode()
    {
        Assert.True(AllowsUnsafe(Project("Interop")));
        Assert.False(AllowsUnsafe(Project("Orchestrator")));
        Assert.False(AllowsUnsafe(Project("Cli")));
        Assert.False(AllowsUnsafe(XDocument.Load(Repository.At("Directory.Build.props"))));
    }

    [Theory]
    [InlineData("Orchestrator")]
    [InlineData("Cli")]
    public void NoPointerIsSeenAboveInterop(string project)
    {
        string[] sources = [.. Directory.EnumerateFiles(Repository.At("src", project), "*.cs", SearchOption.AllDirectories)];

        Assert.NotEmpty(sources);
        Assert.All(sources, path => Assert.DoesNotMatch(Pointers(), Code(File.ReadAllText(path))));
    }

    // The test of the test: what it looks for is found in code, and comments and texts are not code.
    [Theory]
    [InlineData("unsafe { }", true)]
    [InlineData("private nint handle;", true)]
    [InlineData("IntPtr p = default;", true)]
    [InlineData("[DllImport(\"libc\")]", true)]
    [InlineData("/// <summary>unsafe</summary>\nint x; // nint", false)]
    [InlineData("string s = \"an unsafe \\\" nint\";", false)]
    [InlineData("int printing = pointers;", false)]
    public void PointersAreFoundInCodeOnly(string source, bool found) => Assert.Equal(found, Pointers().IsMatch(Code(source)));

    [Fact]
    public void NothingPublicInInteropExposesAPointerButThoseToSharedTensors()
    {
        string[] shared = ["Tensor.FromAtTensor", "Tensor.ToAtTensor", "Tensor.get_AtTensorHandle"]; // docs/torchsharp.md
        Type[] types = [.. typeof(Tensor).Assembly.GetExportedTypes()];
        var exposed = from type in types
                      from member in type.GetMembers(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
                      where IsVisible(member) && TypesOf(member).Any(IsNative)
                      select $"{type.Name}.{member.Name}";

        Assert.True(types.Length >= 10, $"only {types.Length} public types were found");
        Assert.Equal(shared, exposed.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(types, type => type.Name.StartsWith("hyb_", StringComparison.Ordinal) || typeof(SafeHandle).IsAssignableFrom(type));
    }

    private static XDocument Project(string name) => XDocument.Load(Repository.At("src", name, $"{name}.csproj"));

    private static bool AllowsUnsafe(XDocument project) => project.Descendants("AllowUnsafeBlocks").Any(element => element.Value.Trim() == "true");

    private static string Code(string source) => CommentsAndTexts().Replace(source, " ");

    private static bool IsVisible(MemberInfo member) => member switch
    {
        MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
        FieldInfo field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly,
        _ => false, // properties and events are seen through their accessors
    };

    private static IEnumerable<Type> TypesOf(MemberInfo member) => member switch
    {
        MethodInfo method => method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType),
        ConstructorInfo constructor => constructor.GetParameters().Select(parameter => parameter.ParameterType),
        FieldInfo field => [field.FieldType],
        _ => [],
    };

    private static bool IsNative(Type type) =>
        type.IsPointer || type.IsFunctionPointer || type == typeof(nint) || type == typeof(nuint) || typeof(SafeHandle).IsAssignableFrom(type)
        || (type.HasElementType && IsNative(type.GetElementType()!))
        || (type.IsGenericType && type.GetGenericArguments().Any(IsNative));

    [GeneratedRegex(@"\b(unsafe|nint|nuint|IntPtr|UIntPtr|DllImport|DllImportAttribute|LibraryImport|LibraryImportAttribute|SafeHandle)\b|\bNativeLibrary\s*\.")]
    private static partial Regex Pointers();

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/|""(\\.|[^""\\\n])*""", RegexOptions.Singleline)]
    private static partial Regex CommentsAndTexts();
}
