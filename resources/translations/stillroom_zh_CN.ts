<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>CodeCard</name>
    <message>
        <source>Copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>To Code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Put this into the Code tab</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Code in {language}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copied</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>CodeDocument</name>
    <message>
        <source>{name} holds characters that this editor would change, so it is open for reading only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} mixes line ends; saving it here makes them all {kind}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Your unsaved changes from the last time are back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Unsaved text cannot be kept over a restart now: {reason}. Save it to a file.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>CodeEditor</name>
    <message>
        <source>Comment or uncomment lines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Indent lines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Dedent lines</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>CodeView</name>
    <message>
        <source>Code editor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Larger text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Smaller text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Normal text size</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>DoctorPage</name>
    <message>
        <source>Looking at this computer…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Examine again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Versions and log lines, no chat text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Models cannot run here yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Models run here, on the graphics card.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Models run here, on the processor.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{free:.1f} of {total:.1f} GB of memory free</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>FindBar</name>
    <message>
        <source>Find</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Replace with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Match upper and lower case</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Whole words only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Regular expression</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Previous</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Next</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Replace</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Replace all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} replaced</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>not found</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>not a valid pattern</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} or more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} found</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{index} of {count}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>LinkQuestion</name>
    <message>
        <source>Open link</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open this address in your browser?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stillroom does not open addresses of this kind.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>LoadSettingsDialog</name>
    <message>
        <source>How the model is loaded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>automatic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Context</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Tokens that the model can see at once. More needs more memory.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>GPU layers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Layers that run on the graphics card. Automatic takes as many as fit.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Threads</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Processor threads. Automatic takes one for each physical core.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cache type</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>q8_0 halves the memory of the context at a hardly measurable loss.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Flash attention</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Faster and smaller where the device can do it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Defaults</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Apply and load again</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>How the model is loaded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Settings (Ctrl+,)</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ModelPicker</name>
    <message>
        <source>Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the model that answers (Ctrl+M)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancel loading</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Unload and free its memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Get more models…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Loading {model}, {percent}%</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>Notices</name>
    <message>
        <source>Notice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Something went wrong that Stillroom did not expect.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Your chats and models are safe. The report holds no chat text.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy report</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ReplyView</name>
    <message>
        <source>Reading the prompt…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reading the prompt… {done} of {total} tokens</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{tokens} tokens · {rate} tok/s · first token {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Prompt: {tokens} tokens at {rate} tok/s. Seed: {seed}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The engine stopped before the reply was complete.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stillroom was closed before this reply was complete. What had come is kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The reply reached the most tokens that this chat allows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The context is full, so the reply ends here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stopped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The model gave no answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy the reply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Regenerate the reply</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>General</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This computer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>About</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>As the desktop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Light</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Dark</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Keep the original weights after a build</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>They are needed to build another quantisation without a new download.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Colours</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Language</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Live measurements</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Where your files are</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Version {version}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Runs DeepSeek-R1 distilled models on your own computer. Nothing leaves it except the downloads that you ask for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>MIT licence. Built on llama.cpp, Qt and Python. Models have licences of their own.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ThinkingLine</name>
    <message>
        <source>Thinking… {seconds} s · {tokens} tokens</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Thought, not finished</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Thought for {seconds} s · {tokens} tokens</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>_Head</name>
    <message>
        <source>The thinking is shown.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The thinking is folded.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>_Notice</name>
    <message>
        <source>Retry</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>errors</name>
    <message>
        <source>A setting cannot have this value: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Accept them at {endpoint}/{repo}, then set HF_TOKEN to a token of the same account.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>An id looks like owner/name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Another Stillroom is downloading into {folder} already.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Build bf16 instead; it has the range of the original weights.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Build it with `stillroom build`, or chat with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Build them with: stillroom build {folder} --type {type}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Change their permissions, or set STILLROOM_HOME to a folder that you may write to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check that it is there and that you may read it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check that the disk has free space and that Stillroom may write to its data folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check that the disk is not full and that Stillroom&apos;s data folder may be written to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check that the file exists and that you may read it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check that the file is still there, or download and build the model again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check that the folder may be written and that the disk is not full.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check that the folder may be written to and that its disk is healthy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check the internet connection, and HTTPS_PROXY or HF_ENDPOINT where they are used. Models on disk work without.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check the path, or name a model of `stillroom list`.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check the path.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check the spelling; for a private one set HF_TOKEN to a token that may read it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a JSON file that Stillroom exported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a file of {repo} that is whole, or build the model from its original weights.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a folder with the model&apos;s original files, or download them again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a model file that ends in .gguf.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a repository with .safetensors files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a repository with .safetensors or .gguf files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a repository with a complete checkpoint (config.json, tokenizer.json, .safetensors).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose another chat from the list.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose another repository.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose one of {types}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the repository with the original bf16, f16 or f32 weights.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the smallest model, or use a graphics card.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the starter or R1 Qwen 1.5B with a short context.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Close other programs before you load a model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Close them before you load a large model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Convert it to UTF-8 in another editor first, then open it here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy the address of the model&apos;s own page, such as https://huggingface.co/owner/name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Delete the new file first to bring the old one back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Did you mean {near}?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Download it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Download the model again with all of its files; Stillroom needs its tokenizer.json.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Download the model again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Download the model again; a weight file is missing or belongs to another model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Download the model again; its config.json is not right.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Download the model again; its files do not belong together.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Free some space and resume; what has arrived is kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Free some space, or keep the models on another disk.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Free some space, or set STILLROOM_HOME to a folder on another disk.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Get it with: stillroom build {name} --type {type}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Get one on the Models tab, or with `stillroom build {model} --type Q4_K_M`.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Install a build of llama-cpp-python with Vulkan (any card) or CUDA (NVIDIA), for example: CMAKE_ARGS=&quot;-DGGML_VULKAN=ON&quot; pip install --force-reinstall --no-deps --no-binary :all: llama-cpp-python</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Install driver {needed} or newer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Install it with: pip install &quot;stillroom[starter]&quot;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Install or renew the card&apos;s driver, the Vulkan one included.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Install the driver of your distribution (on Debian: nvidia-driver; on Ubuntu: `ubuntu-drivers install`), or from nvidia.com, and restart the computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>It takes no space in your folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Keep one set of weight files in the folder, or download the model again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Leave the revision out for the newest one, or see {endpoint}/{repo}/commits/main.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Load the model with a larger context and run the benchmark again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Look for a ready-made GGUF file of this model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Move it away, or download into an empty folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>NVIDIA&apos;s driver does not answer ({state}). {native}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Name a .gguf file, or the folder that holds config.json and the .safetensors files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Name a model of `stillroom list`, a Hugging Face id (owner/name), a folder or a GGUF file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Name one of them as {repo}:FILE, such as {choices}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Name the folder that holds config.json and the .safetensors files, or one .gguf file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No model was named.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>On Debian or Ubuntu: apt install {packages}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Only {free} GB of {total} GB of memory are free.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open a smaller file, or cut out the part you need.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open a text file, such as program source or data.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open the chat again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Other programs hold more than half of the memory of {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Put it back, or get the model again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Restart the computer; if that does not help, install the driver again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Save under another name, or overwrite it, or reload it and lose the changes made here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>See `stillroom list` for the models to choose from.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>See whether {endpoint}/{repo} opens in a browser.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Select fewer lines, or load the model with a larger context.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Set HF_TOKEN to a valid token, or remove it: public models need none.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Some settings could not be used and are back to their defaults: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Something went wrong that Stillroom did not expect: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start Stillroom from a desktop session for the window.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start a new chat, or remove the system prompt and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start the download again; files that are the same are kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stillroom converts plain Llama, Qwen2 and Qwen3 models; use the model&apos;s original weights.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stillroom converts safetensors only: choose a repository that has them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stillroom converts {supported}. For another model, look for a ready-made GGUF file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stillroom does not build the type {type}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stillroom may not write to {folders}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The address {address} names no model repository.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The architecture {architecture} is not supported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The attention heads in config.json do not fit together ({heads} heads, {kv_heads} for keys, {head_dim} wide).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The benchmark history could not be read or written: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The benchmark history was written by a newer Stillroom (schema {found}, here {known}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The benchmark&apos;s reply ended after {found} of {wanted} tokens.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The card {name} is not used: its driver {driver} is too old for CUDA 13.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The chats could not be read or saved: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The checkpoint has no tensor {tensor}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The checkpoint has no {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The checkpoint holds the tensor {tensor}, which {architecture} models do not have.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The computer has {total} GB of memory, enough for the smallest models only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The deleted model is gone for good.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The disk has {free} GB free; {model} needs {need} GB while it is built.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The disk of {folder} is full.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The download cannot be written to {folder}: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The download needs {needed} more on {folder}, and {free} are free.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file may be damaged. Download the model again, or choose another one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file of {name} {type} is gone: {path}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file {file} cannot be read: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file {file} does not exist.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file {file} is damaged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file {file} is damaged: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file {file} is too large to be what its name says.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The files themselves can be used; get the model again to make the record anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The folder {folder} holds no checkpoint: there is no config.json in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The graphics card ({name}) is not used: llama.cpp has {backends}, but sees no device.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The graphics card ({name}) is not used: llama.cpp was built for the processor only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The log holds the details; `stillroom doctor` says where it is.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The model file {name} could not be read: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The model folder {folder} is in use by another Stillroom.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The model&apos;s chat template cannot be read: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The model&apos;s chat template refused this conversation: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The network is switched off by HF_HUB_OFFLINE.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The old file is kept as {path}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The position scaling {scaling} in config.json is not supported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The processor has no AVX2: use Stillroom&apos;s portable build, which has code for older processors.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The processor {name} has no AVX2, so models run several times slower on it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The record of {name} is damaged, so where its files came from is not known.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The selection needs {tokens} tokens, and {budget} are left for the question.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The server gives no sizes and checksums for {repo}, so a download could not be verified.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The setting {setting} = {value} in config.json is not supported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The setting {setting} = {value} in config.json makes no sense.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The settings could not be saved to {path}: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The settings file was damaged; the defaults are used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The starter model belongs to Stillroom.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The starter model is not installed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The suites are: {known}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The tensor {tensor} has the shape {shape}, but config.json asks for {expected}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The tensor {tensor} holds weights that are too large for f16.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The tensor {tensor} in {file} has the data type {dtype}, which Stillroom does not know.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The tensor {tensor} is in {first} and again in {second}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The tensor {tensor} is not in the index of the weights.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The tensor {tensor} is not in {file}, where the index has it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The tensor {tensor} is stored as {dtype}, which Stillroom does not convert.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The text is still here. Save it under another name or in another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The window may not open: system libraries are missing. The commands work.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The window needs glibc {needed} or newer; this system has {found}. The commands work.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There are no safetensors weights in {folder}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is an NVIDIA card, but NVIDIA&apos;s driver is not installed or not loaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is no benchmark suite named {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is no checkpoint in {folder}: config.json is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is no display here, so the window cannot open. The commands work.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is no model called {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is no model on this computer yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is no setting named {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>These chats were written by a newer Stillroom (schema {found}, this one knows {known}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This benchmark report has the format {schema} {version}, which this Stillroom cannot read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This chat no longer exists.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This checkpoint is already quantised ({method}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This is not a benchmark report of Stillroom: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This message no longer exists.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This model is on this computer already, so there is nothing to download.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Try again in some minutes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Try again later or on another network; something between here and the server changes the data.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Try again later, or use another HF_ENDPOINT.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Try again; the log holds the details.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Unload the model first, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Unset HF_HUB_OFFLINE to download; models on disk work without.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Update Stillroom to open it. The file has not been changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Update Stillroom to open them. The file has not been changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Update Stillroom to read it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Use Debian 12, Ubuntu 22.04 or newer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Use huggingface.co, or another HF_ENDPOINT.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Use the model&apos;s original weights in bf16, f16 or f32.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Wait for it, or stop it first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Wait until it is done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Welch&apos;s test needs two values on each side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>llama.cpp does not start: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>no load turn has run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>the text is too long to tokenise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} arrived damaged twice: its checksum is not the one that the repository names.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} cannot be read: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} is in use.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} is no GGUF file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} is one part of a split GGUF, which Stillroom does not join.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} of {repo} has changed on the server since the download began.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{folder} holds original weights, which must be built before they can run.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{host} cannot be reached.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{host} does not accept the access token.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{host} has disabled {repo}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{host} has no model {repo}, or it is private.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{host} is too busy to answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{host} redirects in a circle.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{host} redirects to an unencrypted address, which Stillroom does not follow.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{host} refuses to send {file} (HTTP {status}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{host} refuses to tell about {repo} (HTTP {status}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} could not be read: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} could not be saved: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} is a binary file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} is larger than 4 MiB.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} is not UTF-8 text (byte {byte}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} is not on this computer yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} is {value}, but must be from {low} to {high}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} was changed by another program since it was opened here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} {type} is not in the store any more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} {type} is there again already.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{path} exists already and is another file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} asks you to accept its terms before it can be downloaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} has no config.json, so its weights cannot be understood.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} has no revision {revision}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} holds a file with an unsafe name, so nothing of it is downloaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} holds no GGUF file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} holds no model weights that Stillroom can read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} holds {count} GGUF files, and which one is meant is open.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} is empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} is no Hugging Face id.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{repo} offers its weights only as pickles, which can run code, so Stillroom does not read them.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
