namespace Hybrid.Interop;

/// <summary>
/// Frees every tensor made inside it when it ends: <c>using var scope = TensorScope.Begin();</c>. New tensors join the calling thread's
/// innermost scope; <see cref="Keep"/> hands one to the scope outside, or to the caller where there is none.
/// </summary>
public readonly ref struct TensorScope
{
    /// <summary>Marks an open scope that collects nothing; always empty.</summary>
    private static readonly List<Tensor> Unowned = [];

    [ThreadStatic]
    private static Stack<List<Tensor>>? open;

    private readonly List<Tensor> members;

    private TensorScope(List<Tensor> members) => this.members = members;

    /// <summary>Opens a scope on the calling thread.</summary>
    public static TensorScope Begin()
    {
        var members = new List<Tensor>();
        (open ??= new Stack<List<Tensor>>()).Push(members);
        return new TensorScope(members);
    }

    /// <summary>
    /// Opens a scope that owns nothing: tensors made inside it belong to whoever makes them. For parameters and optimizer states, which
    /// outlive the step that happens to create them.
    /// </summary>
    public static TensorScope Outside()
    {
        (open ??= new Stack<List<Tensor>>()).Push(Unowned);
        return new TensorScope(Unowned);
    }

    /// <summary>Takes <paramref name="tensor"/> out of this scope and into the one outside, if there is one.</summary>
    public Tensor Keep(Tensor tensor)
    {
        if (!members.Remove(tensor))
        {
            throw new InvalidOperationException("the tensor does not belong to this scope");
        }

        List<Tensor> own = members;
        List<Tensor>? outside = open!.SkipWhile(scope => !ReferenceEquals(scope, own)).ElementAtOrDefault(1); // a stack lists the innermost first
        if (outside is not null && !ReferenceEquals(outside, Unowned))
        {
            outside.Add(tensor);
        }

        return tensor;
    }

    /// <summary>Frees the scope's tensors. Scopes end in the opposite order of their beginning.</summary>
    public void Dispose()
    {
        if (open is null || open.Count == 0 || !ReferenceEquals(open.Peek(), members))
        {
            throw new InvalidOperationException("tensor scopes must end on their own thread, innermost first");
        }

        open.Pop();
        foreach (Tensor tensor in members)
        {
            tensor.Dispose();
        }
    }

    /// <summary>Lets a new tensor join the innermost scope of the calling thread.</summary>
    internal static void Join(Tensor tensor)
    {
        if (open is { Count: > 0 } && !ReferenceEquals(open.Peek(), Unowned))
        {
            open.Peek().Add(tensor);
        }
    }
}
