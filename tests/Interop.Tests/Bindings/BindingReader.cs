using System.Reflection;
using System.Runtime.InteropServices;

namespace Hybrid.Interop.Tests.Bindings;

/// <summary>Reads the generated class by reflection.</summary>
internal static class BindingReader
{
    private const BindingFlags Everything = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> Names = new()
    {
        [typeof(void)] = "void",
        [typeof(byte)] = "byte",
        [typeof(int)] = "int",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(double)] = "double",
    };

    /// <summary>Every extern method.</summary>
    public static IEnumerable<MethodInfo> Methods => typeof(NativeMethods).GetMethods(Everything).Where(method => method.Attributes.HasFlag(MethodAttributes.PinvokeImpl));

    public static Declarations Read()
    {
        Declarations found = new();
        foreach (MethodInfo method in Methods)
        {
            Parameter[] parameters = [.. method.GetParameters().Select(parameter => new Parameter(TextOf(parameter.ParameterType), parameter.Name!))];
            found.Functions.Add(method.Name, new Function(method.Name, TextOf(method.ReturnType), parameters));
        }

        foreach (FieldInfo field in typeof(NativeMethods).GetFields(Everything).Where(field => field.IsLiteral))
        {
            found.Constants.Add(field.Name, Convert.ToInt64(field.GetRawConstantValue()));
        }

        found.OpaqueStructs.UnionWith(typeof(NativeMethods).Assembly.GetTypes().Where(type => type.Name.StartsWith("hyb_", StringComparison.Ordinal)).Select(type => type.Name));
        return found;
    }

    /// <summary>What is wrong with the way a method is imported; empty where nothing is.</summary>
    public static string Fault(MethodInfo method)
    {
        DllImportAttribute import = method.GetCustomAttribute<DllImportAttribute>()!;
        return import.Value != "hybrid" ? $"from {import.Value}"
            : import.EntryPoint != method.Name ? $"as {import.EntryPoint}"
            : import.CallingConvention != CallingConvention.Cdecl ? $"by {import.CallingConvention}"
            : !import.ExactSpelling ? "without ExactSpelling"
            : import.SetLastError ? "with SetLastError"
            : !import.PreserveSig ? "without PreserveSig"
            : string.Empty;
    }

    private static string TextOf(Type type) => type.IsPointer ? TextOf(type.GetElementType()!) + "*"
        : Names.TryGetValue(type, out string? name) ? name
        : type.Name;
}
