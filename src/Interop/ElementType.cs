using System.Globalization;

namespace Hybrid.Interop;

/// <summary>The type of a tensor's elements.</summary>
public enum ElementType
{
    /// <summary>IEEE single precision.</summary>
    Float32 = NativeMethods.HYB_F32,

    /// <summary>IEEE double precision.</summary>
    Float64 = NativeMethods.HYB_F64,

    /// <summary>The upper half of a single: 8 bits of precision.</summary>
    BFloat16 = NativeMethods.HYB_BF16,

    /// <summary>IEEE half precision.</summary>
    Float16 = NativeMethods.HYB_F16,

    /// <summary>64-bit signed integer.</summary>
    Int64 = NativeMethods.HYB_I64,

    /// <summary>32-bit signed integer.</summary>
    Int32 = NativeMethods.HYB_I32,

    /// <summary>8-bit unsigned integer.</summary>
    UInt8 = NativeMethods.HYB_U8,

    /// <summary>Truth value, one byte.</summary>
    Boolean = NativeMethods.HYB_BOOL,
}

/// <summary>Facts of element types.</summary>
public static class ElementTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.Float64 or ElementType.Int64 => 8,
        ElementType.Float32 or ElementType.Int32 => 4,
        ElementType.BFloat16 or ElementType.Float16 => 2,
        ElementType.UInt8 or ElementType.Boolean => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown element type"),
    };
}

/// <summary>Where a tensor lives: <see cref="Cpu"/> or a CUDA device.</summary>
/// <param name="Code">-1 for the CPU, otherwise the CUDA device's ordinal.</param>
public readonly record struct Device(int Code)
{
    /// <summary>The host.</summary>
    public static Device Cpu => new(NativeMethods.HYB_CPU);

    /// <summary>CUDA device <paramref name="ordinal"/>.</summary>
    public static Device Cuda(int ordinal) => new(ordinal);

    /// <summary>Reads "cpu", "cuda" (the first) or "cuda:N".</summary>
    /// <exception cref="FormatException">Anything else.</exception>
    public static Device Parse(string text) => text switch
    {
        "cpu" => Cpu,
        "cuda" => Cuda(0),
        _ when text.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(text.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal) => Cuda(ordinal),
        _ => throw new FormatException($"device '{text}' is not cpu, cuda or cuda:N"),
    };

    /// <inheritdoc/>
    public override string ToString() => Code == NativeMethods.HYB_CPU ? "cpu" : $"cuda:{Code}";
}
