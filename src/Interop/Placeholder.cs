namespace Hybrid.Interop;
