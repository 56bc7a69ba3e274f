using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Hybrid.Interop;

/// <summary>
/// An n-dimensional array on the CPU or a GPU. The object owns one native handle; several objects may share one storage. A new tensor
/// joins the thread's innermost <see cref="TensorScope"/> and is freed with it; without a scope its owner disposes it.
/// </summary>
public sealed unsafe partial class Tensor : IDisposable
{
    private const int MaximumDimensions = 8;

    private Tensor(hyb_tensor* pointer)
    {
        Handle = new TensorHandle(pointer);
        TensorScope.Join(this);
    }

    internal TensorHandle Handle { get; }

    /// <summary>Sizes of the dimensions, outermost first.</summary>
    public long[] Shape
    {
        get
        {
            long* sizes = stackalloc long[MaximumDimensions];
            int dimensions;
            using var self = new Borrowed(Handle);
            NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_sizes(self.Tensor, sizes, MaximumDimensions, &dimensions));
            return new ReadOnlySpan<long>(sizes, dimensions).ToArray();
        }
    }

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Type of the elements.</summary>
    public ElementType ElementType => Info().Type;

    /// <summary>Where the elements live.</summary>
    public Device Device => Info().Device;

    /// <summary>Whether gradients with respect to it can be asked for. Only a leaf can be switched.</summary>
    public bool RequiresGrad
    {
        get => Info().RequiresGrad;
        set
        {
            using var self = new Borrowed(Handle);
            NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_set_requires_grad(self.Tensor, value ? 1 : 0));
        }
    }

    /// <summary>Address of the first element: tells whether storage was exchanged or copied.</summary>
    public ulong Address
    {
        get
        {
            ulong address;
            using var self = new Borrowed(Handle);
            NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_address(self.Tensor, &address));
            return address;
        }
    }

    /// <summary>Zeros of the given shape.</summary>
    public static Tensor Zeros(ReadOnlySpan<long> shape, ElementType type, Device device)
    {
        hyb_tensor* result;
        fixed (long* sizes = shape)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_zeros(sizes, shape.Length, (int)type, device.Code, &result));
        }

        return Own(result);
    }

    /// <summary>A copy of <paramref name="values"/>, row-major, in the given shape. T is float, double, long, int, byte or bool.</summary>
    public static Tensor From<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> shape, Device device)
        where T : unmanaged => FromBytes(MemoryMarshal.AsBytes(values), shape, TypeOf<T>(), device);

    /// <summary>A copy of the bytes of elements of any type, row-major, in the given shape: what <see cref="ToBytes"/> gave.</summary>
    public static Tensor FromBytes(ReadOnlySpan<byte> bytes, ReadOnlySpan<long> shape, ElementType type, Device device)
    {
        hyb_tensor* result;
        fixed (byte* data = bytes)
        fixed (long* sizes = shape)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_from_data(data, bytes.Length, sizes, shape.Length, (int)type, device.Code, &result));
        }

        return Own(result);
    }

    /// <summary>A one-dimensional tensor on the CPU.</summary>
    public static Tensor From<T>(ReadOnlySpan<T> values)
        where T : unmanaged => From(values, [values.Length], Device.Cpu);

    /// <summary>The tensors joined along a dimension.</summary>
    public static Tensor Concatenate(IReadOnlyList<Tensor> tensors, int dimension)
    {
        hyb_tensor* result;
        using var list = new BorrowedList(tensors);
        fixed (nint* pointers = list)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_cat((hyb_tensor**)pointers, list.Count, dimension, &result));
        }

        return Own(result);
    }

    /// <summary>The elements, row-major, copied to the host.</summary>
    /// <exception cref="NativeException">T is not the tensor's element type.</exception>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        if (TypeOf<T>() != ElementType)
        {
            throw new NativeException(NativeStatus.TypeMismatch, $"elements are {ElementType}, {typeof(T).Name} was asked for");
        }

        T[] values = new T[Count];
        using var self = new Borrowed(Handle);
        fixed (T* buffer = values)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_copy_to(self.Tensor, buffer, values.LongLength * sizeof(T)));
        }

        return values;
    }

    /// <summary>The bytes of the elements, row-major, copied to the host; bytes must be exactly as long as they are.</summary>
    /// <exception cref="NativeException">BufferTooSmall: another length.</exception>
    public void ToBytes(Span<byte> bytes)
    {
        using var self = new Borrowed(Handle);
        fixed (byte* buffer = bytes)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_copy_to(self.Tensor, buffer, bytes.Length));
        }
    }

    /// <summary>The elements as float64, row-major, whatever their type.</summary>
    public double[] ToDoubles()
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        return To(ElementType.Float64, Device.Cpu).ToArray<double>();
    }

    /// <summary>The only element, as float64.</summary>
    public double Item()
    {
        double[] values = ToDoubles();
        return values.Length == 1 ? values[0] : throw new NativeException(NativeStatus.InvalidArgument, $"a tensor of {values.Length} elements has no single value");
    }

    /// <summary>The same values in storage of its own, of that type on that device, without history.</summary>
    public Tensor CloneTo(ElementType type, Device device)
    {
        Tensor copy = Zeros(Shape, type, device);
        copy.CopyFrom(this);
        return copy;
    }

    /// <summary>Another handle on the same tensor.</summary>
    public Tensor Alias() => Unary(&NativeMethods.hyb_tensor_alias);

    /// <summary>The same values in storage of its own, without history.</summary>
    public Tensor Clone() => Unary(&NativeMethods.hyb_tensor_clone);

    /// <summary>The same storage, without history.</summary>
    public Tensor Detach() => Unary(&NativeMethods.hyb_tensor_detach);

    /// <summary>In another element type or on another device; shares storage where nothing changes. Differentiable.</summary>
    public Tensor To(ElementType type, Device device)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_to(self.Tensor, (int)type, device.Code, &result));
        return Own(result);
    }

    /// <summary>Overwrites the elements with <paramref name="source"/>'s, which has the same shape. Not recorded.</summary>
    public void CopyFrom(Tensor source)
    {
        using var self = new Borrowed(Handle);
        using var from = new Borrowed(source.Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_copy_inplace(self.Tensor, from.Tensor));
    }

    /// <summary>The same elements in another shape; one size may be -1.</summary>
    public Tensor Reshape(params ReadOnlySpan<long> shape)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        fixed (long* sizes = shape)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_reshape(self.Tensor, sizes, shape.Length, &result));
        }

        return Own(result);
    }

    /// <summary>Positions start … start+length−1 of a dimension, sharing storage.</summary>
    public Tensor Narrow(int dimension, long start, long length)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_narrow(self.Tensor, dimension, start, length, &result));
        return Own(result);
    }

    /// <summary>Number of elements whose bits differ from <paramref name="other"/>'s.</summary>
    public long CountDifferent(Tensor other)
    {
        long count;
        using var self = new Borrowed(Handle);
        using var that = new Borrowed(other.Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_count_different(self.Tensor, that.Tensor, &count));
        return count;
    }

    /// <summary>Frees the handle; the storage goes with its last tensor. May be called twice.</summary>
    public void Dispose() => Handle.Dispose();

    /// <inheritdoc/>
    public override string ToString() => Handle.IsClosed ? "Tensor (disposed)" : $"Tensor {ElementType} [{string.Join(", ", Shape)}] on {Device}";

    /// <summary>Takes ownership of a native handle.</summary>
    internal static Tensor Own(hyb_tensor* pointer) => new(pointer);

    private static ElementType TypeOf<T>()
        where T : unmanaged
    {
        Type type = typeof(T);
        return type == typeof(float) ? ElementType.Float32
            : type == typeof(double) ? ElementType.Float64
            : type == typeof(long) ? ElementType.Int64
            : type == typeof(int) ? ElementType.Int32
            : type == typeof(byte) ? ElementType.UInt8
            : type == typeof(bool) ? ElementType.Boolean
            : throw new NativeException(NativeStatus.TypeMismatch, $"{type.Name} is not an element type of tensors");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Tensor Unary(delegate*<hyb_tensor*, hyb_tensor**, int> operation)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        NativeException.ThrowIfFailed(operation(self.Tensor, &result));
        return Own(result);
    }

    private (ElementType Type, Device Device, bool RequiresGrad) Info()
    {
        int type, device, requiresGrad;
        using var self = new Borrowed(Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_info(self.Tensor, &type, &device, &requiresGrad));
        return ((ElementType)type, new Device(device), requiresGrad != 0);
    }
}
