using System.Runtime.InteropServices;

namespace Hybrid.Interop;

/// <summary>An open safetensors file; its whole header was checked when it was opened.</summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly SafetensorsHandle handle;
    private readonly Dictionary<string, long> indices = new(StringComparer.Ordinal);

    private readonly string path;

    private SafetensorsFile(SafetensorsHandle handle, string path) => (this.handle, this.path) = (handle, path);

    /// <summary>Names of the tensors, in the file's order.</summary>
    public IReadOnlyList<string> Names { get; private init; } = [];

    /// <summary>Opens a file.</summary>
    /// <exception cref="NativeException">The file cannot be read (Io) or is malformed or truncated (BadFormat); the message names it.</exception>
    public static SafetensorsFile Open(string path)
    {
        hyb_safetensors* pointer;
        fixed (byte* text = Utf8.ZeroTerminated(path))
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_safetensors_open(text, &pointer));
        }

        var handle = new SafetensorsHandle(pointer);
        long count;
        NativeException.ThrowIfFailed(NativeMethods.hyb_safetensors_count(pointer, &count));
        string[] names = new string[count];
        for (long i = 0; i < count; i++)
        {
            byte* name;
            NativeException.ThrowIfFailed(NativeMethods.hyb_safetensors_name(pointer, i, &name));
            names[i] = Marshal.PtrToStringUTF8((nint)name)!;
        }

        var file = new SafetensorsFile(handle, path) { Names = names };
        for (int i = 0; i < names.Length; i++)
        {
            file.indices.Add(names[i], i);
        }

        return file;
    }

    /// <summary>Element type and shape of a tensor, without touching its data.</summary>
    public (ElementType Type, long[] Shape) Describe(string name)
    {
        const int Capacity = 8;
        long* sizes = stackalloc long[Capacity];
        int type, dimensions;
        using var self = new Borrowed(handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_safetensors_entry(self.Safetensors, IndexOf(name), &type, sizes, Capacity, &dimensions));
        return ((ElementType)type, new ReadOnlySpan<long>(sizes, dimensions).ToArray());
    }

    /// <summary>A tensor, read from the file into storage of its own in the wanted type and place.</summary>
    /// <exception cref="NativeException">Io: the file was cut off or written to since it was opened. One that was deleted or replaced is still read as it was.</exception>
    public Tensor Read(string name, ElementType type, Device device)
    {
        hyb_tensor* result;
        using var self = new Borrowed(handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_safetensors_read(self.Safetensors, IndexOf(name), (int)type, device.Code, &result));
        return Tensor.Own(result);
    }

    /// <summary>Writes a file whole or not at all: a temporary file beside it, flushed, then renamed over it.</summary>
    public static void Write(string path, IReadOnlyList<KeyValuePair<string, Tensor>> tensors, IReadOnlyList<KeyValuePair<string, string>> metadata)
    {
        using var values = new BorrowedList(tensors.Select(pair => pair.Value).ToArray());
        using var names = new CStrings(tensors.Select(pair => pair.Key));
        using var keys = new CStrings(metadata.Select(pair => pair.Key));
        using var texts = new CStrings(metadata.Select(pair => pair.Value));
        fixed (byte* file = Utf8.ZeroTerminated(path))
        fixed (nint* list = values)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_safetensors_write(file, names.Pointers, (hyb_tensor**)list, values.Count, keys.Pointers, texts.Pointers, metadata.Count));
        }
    }

    /// <summary>Closes the file; tensors read from it stay valid.</summary>
    public void Dispose() => handle.Dispose();

    private long IndexOf(string name) => indices.TryGetValue(name, out long index)
        ? index
        : throw new NativeException(NativeStatus.OutOfRange, $"{path} has no tensor '{name}'");

    /// <summary>An array of zero-terminated strings outside the managed heap.</summary>
    private readonly struct CStrings : IDisposable
    {
        private readonly int count;

        public CStrings(IEnumerable<string> texts)
        {
            byte[][] encoded = [.. texts.Select(Utf8.ZeroTerminated)];
            count = encoded.Length;
            Pointers = (byte**)NativeMemory.Alloc((nuint)Math.Max(1, count), (nuint)sizeof(byte*));
            for (int i = 0; i < count; i++)
            {
                Pointers[i] = (byte*)NativeMemory.Alloc((nuint)encoded[i].Length);
                encoded[i].CopyTo(new Span<byte>(Pointers[i], encoded[i].Length));
            }
        }

        public byte** Pointers { get; }

        public void Dispose()
        {
            for (int i = 0; i < count; i++)
            {
                NativeMemory.Free(Pointers[i]);
            }

            NativeMemory.Free(Pointers);
        }
    }
}
