using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Hybrid.Orchestrator.Tests.PublicSurface;

/// <summary>Everything that other programs can use of an assembly, as text: a line a type and a line a member, in an order that does not depend on anything.</summary>
internal static class ApiListing
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    // What a record has because it is one.
    private static readonly string[] RecordMembers = ["Equals", "GetHashCode", "ToString", "PrintMembers", "EqualityContract", "Deconstruct", "op_Equality", "op_Inequality"];

    private static readonly Dictionary<string, string> Words = new()
    {
        ["Boolean"] = "bool", ["Byte"] = "byte", ["Int32"] = "int", ["Int64"] = "long", ["UInt64"] = "ulong", ["Double"] = "double", ["Single"] = "float", ["String"] = "string",
        ["Object"] = "object", ["Void"] = "void", ["IntPtr"] = "nint",
    };

    public static string Of(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (IGrouping<string?, Type> space in assembly.GetExportedTypes().GroupBy(type => type.Namespace).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"{space.Key}\n");
            foreach (Type type in space.OrderBy(NameOf, StringComparer.Ordinal))
            {
                text.Append(CultureInfo.InvariantCulture, $"  {Heading(type)}\n");
                foreach (string member in Members(type).Order(StringComparer.Ordinal))
                {
                    text.Append(CultureInfo.InvariantCulture, $"    {member}\n");
                }
            }
        }

        return text.ToString();
    }

    private static string Heading(Type type)
    {
        string kind = type switch
        {
            { IsEnum: true } => "enum",
            { IsInterface: true } => "interface",
            { IsValueType: true } => type.IsByRefLike ? "ref struct" : "struct",
            { IsAbstract: true, IsSealed: true } => "static class",
            _ => $"{(type.IsSealed ? "sealed " : type.IsAbstract ? "abstract " : string.Empty)}{(IsRecord(type) ? "record" : "class")}",
        };
        Type[] inherited = type.BaseType?.GetInterfaces() ?? [];
        string[] bases =
        [
            .. type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum) ? [NameOf(parent)] : Array.Empty<string>(),
            .. (type.IsEnum ? [] : type.GetInterfaces()).Except(inherited).Where(i => !i.Name.StartsWith("IEquatable", StringComparison.Ordinal)).Select(NameOf).Order(StringComparer.Ordinal),
        ];
        return $"{kind} {NameOf(type)}{(bases.Length > 0 ? $" : {string.Join(", ", bases)}" : string.Empty)}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
        {
            return Enum.GetNames(type).Select(name => $"{name} = {Convert.ToInt64(Enum.Parse(type, name), CultureInfo.InvariantCulture)}");
        }

        bool own(MemberInfo member) => !member.Name.StartsWith('<') && !(IsRecord(type) && RecordMembers.Contains(member.Name));
        return
        [
            .. type.GetConstructors(Declared).Where(Visible).Where(made => !(IsRecord(type) && made.GetParameters() is [{ } only] && only.ParameterType == type)).Select(made => $"{NameOf(type).Split('<')[0]}({Parameters(made)})"),
            .. type.GetFields(Declared).Where(field => field.IsPublic && own(field)).Select(field => $"{(field.IsLiteral ? "const " : field.IsStatic ? "static " : string.Empty)}{NameOf(field.FieldType)} {field.Name}"),
            .. type.GetProperties(Declared).Where(property => property.GetAccessors(nonPublic: true).Any(Visible) && own(property)).Select(Property),
            .. type.GetMethods(Declared).Where(method => Visible(method) && own(method) && !(method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal))).Select(Method),
        ];
    }

    private static bool Visible(MethodBase method) => method.IsPublic;

    private static bool IsRecord(Type type) => type.GetMethod("<Clone>$") is not null || (type.IsValueType && type.GetMethod("PrintMembers", Declared) is not null);

    private static string Property(PropertyInfo property)
    {
        string accessors = string.Join(" ", new[] { Accessor(property.GetMethod, "get"), Accessor(property.SetMethod, IsInit(property) ? "init" : "set") }.Where(accessor => accessor.Length > 0));
        string required = property.IsDefined(typeof(RequiredMemberAttribute)) ? "required " : string.Empty, fixedPlace = property.GetAccessors(nonPublic: true)[0].IsStatic ? "static " : string.Empty;
        string name = property.GetIndexParameters() is { Length: > 0 } indices ? $"this[{string.Join(", ", indices.Select(Parameter))}]" : property.Name;
        return $"{fixedPlace}{required}{Nullable(new NullabilityInfoContext().Create(property))} {name} {{ {accessors} }}";

        static string Accessor(MethodInfo? method, string word) => method is { } there && Visible(there) ? $"{word};" : string.Empty;
        static bool IsInit(PropertyInfo property) => property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true;
    }

    private static string Method(MethodInfo method)
    {
        string generic = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(NameOf))}>" : string.Empty;
        string extension = method.IsDefined(typeof(ExtensionAttribute)) ? "this " : string.Empty;
        return $"{(method.IsStatic ? "static " : string.Empty)}{Nullable(new NullabilityInfoContext().Create(method.ReturnParameter))} {method.Name}{generic}({extension}{Parameters(method)})";
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        string many = parameter.IsDefined(typeof(ParamArrayAttribute)) || parameter.IsDefined(typeof(ParamCollectionAttribute)) ? "params " : string.Empty;
        string standard = !parameter.HasDefaultValue ? string.Empty : parameter.DefaultValue switch
        {
            null => parameter.ParameterType.IsValueType && System.Nullable.GetUnderlyingType(parameter.ParameterType) is null ? " = default" : " = null",
            string word => $" = \"{word}\"",
            bool truth => truth ? " = true" : " = false",
            { } value => string.Create(CultureInfo.InvariantCulture, $" = {value}"),
        };
        return $"{many}{Nullable(new NullabilityInfoContext().Create(parameter))} {parameter.Name}{standard}";
    }

    private static string Nullable(NullabilityInfo info)
    {
        string name = info.GenericTypeArguments.Length > 0 && info.Type.IsGenericType && System.Nullable.GetUnderlyingType(info.Type) is null && !info.Type.Name.StartsWith("ValueTuple", StringComparison.Ordinal)
            ? $"{info.Type.Name.Split('`')[0]}<{string.Join(", ", info.GenericTypeArguments.Select(Nullable))}>"
            : NameOf(info.Type);
        return info.ReadState == NullabilityState.Nullable && !info.Type.IsValueType && !info.Type.IsGenericParameter ? $"{name}?" : name;
    }

    private static string NameOf(Type type)
    {
        if (System.Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return $"{NameOf(underlying)}?";
        }

        if (type.IsByRef)
        {
            return $"ref {NameOf(type.GetElementType()!)}";
        }

        if (type.IsArray)
        {
            return $"{NameOf(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        }

        string name = type.DeclaringType is { } outer && !type.IsGenericParameter ? $"{NameOf(outer)}.{type.Name}" : type.Name;
        if (!type.IsGenericType)
        {
            return Words.GetValueOrDefault(name, name);
        }

        string arguments = string.Join(", ", type.GetGenericArguments().Select(NameOf));
        return name.StartsWith("ValueTuple", StringComparison.Ordinal) ? $"({arguments})" : $"{name.Split('`')[0]}<{arguments}>";
    }
}
