<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>AddModelCard</name>
    <message>
        <source>Hugging Face id or address, such as owner/name</source>
        <translation>Hugging Face ID 或网址，例如 owner/name</translation>
    </message>
    <message>
        <source>Hugging Face id or address</source>
        <translation>Hugging Face ID 或网址</translation>
    </message>
    <message>
        <source>Type to build</source>
        <translation>要构建的类型</translation>
    </message>
    <message>
        <source>What the original weights are quantised to; a ready GGUF file keeps its own type.</source>
        <translation>原始权重将量化为此类型；现成的 GGUF 文件保持原有类型。</translation>
    </message>
    <message>
        <source>Get</source>
        <translation>获取</translation>
    </message>
    <message>
        <source>Open a GGUF file…</source>
        <translation>打开 GGUF 文件…</translation>
    </message>
    <message>
        <source>ANOTHER MODEL</source>
        <translation>其他模型</translation>
    </message>
    <message>
        <source>Llama, Qwen2 and Qwen3 models with .safetensors weights are built here; repositories with GGUF files are taken as they are.</source>
        <translation>带有 .safetensors 权重的 Llama、Qwen2 和 Qwen3 模型在本机构建；含有 GGUF 文件的仓库则直接使用。</translation>
    </message>
    <message>
        <source>Asking…</source>
        <translation>正在查询…</translation>
    </message>
    <message>
        <source>Open a GGUF file</source>
        <translation>打开 GGUF 文件</translation>
    </message>
    <message>
        <source>GGUF models (*.gguf)</source>
        <translation>GGUF 模型 (*.gguf)</translation>
    </message>
</context>
<context>
    <name>BenchmarkHistoryView</name>
    <message>
        <source>Compare…</source>
        <translation>比较…</translation>
    </message>
    <message>
        <source>Select two runs to compare them</source>
        <translation>选择两次测试进行比较</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>All runs</source>
        <translation>全部测试</translation>
    </message>
    <message>
        <source>All benchmark runs</source>
        <translation>全部基准测试</translation>
    </message>
</context>
<context>
    <name>BenchmarkProgressCard</name>
    <message>
        <source>Progress of the benchmark</source>
        <translation>基准测试进度</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Chats wait until the benchmark ends. Leave the computer alone meanwhile: what else it does is noticed and marked.</source>
        <translation>基准测试结束前聊天需要等待。在此期间请不要使用电脑：其他程序造成的干扰会被发现并标记。</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>正在开始</translation>
    </message>
    <message>
        <source>time left not known yet</source>
        <translation>剩余时间尚不确定</translation>
    </message>
    <message>
        <source>about {duration} left</source>
        <translation>剩余约 {duration}</translation>
    </message>
    <message>
        <source>Cancelling</source>
        <translation>正在取消</translation>
    </message>
</context>
<context>
    <name>BenchmarkRunsModel</name>
    <message>
        <source>When</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Generation, tok/s</source>
        <translation>生成，词元/秒</translation>
    </message>
    <message>
        <source>Prompt, tok/s</source>
        <translation>提示词，词元/秒</translation>
    </message>
    <message>
        <source>First token, s</source>
        <translation>首个词元，秒</translation>
    </message>
    <message>
        <source>Memory, GiB</source>
        <translation>内存，GiB</translation>
    </message>
    <message>
        <source>Back end</source>
        <translation>后端</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>disturbed</source>
        <translation>受干扰</translation>
    </message>
</context>
<context>
    <name>BenchmarkTab</name>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>The benchmark history was damaged. It is kept as {name}; a new one begins.</source>
        <translation>基准测试记录已损坏，保留为 {name}；已新建一份记录。</translation>
    </message>
    <message>
        <source>A reply is being written. Stop it or wait for it, then run.</source>
        <translation>正在生成回答。请先停止或等它结束，再运行测试。</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Load a model first</source>
        <translation>请先加载模型</translation>
    </message>
    <message>
        <source>Run the benchmark</source>
        <translation>运行基准测试</translation>
    </message>
    <message>
        <source>Run again · about {duration}</source>
        <translation>再次运行 · 约 {duration}</translation>
    </message>
    <message>
        <source>Measures {model}: load, prompt and generation speed, first token, memory</source>
        <translation>测量 {model}：加载、提示词处理与生成速度、首个词元、内存</translation>
    </message>
    <message>
        <source>Deleted: {count} benchmark runs.</source>
        <translation>已删除 {count} 次基准测试。</translation>
    </message>
    <message>
        <source>The benchmark run is deleted.</source>
        <translation>已删除这次基准测试。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Save as JSON…</source>
        <translation>另存为 JSON…</translation>
    </message>
    <message>
        <source>Save as Markdown…</source>
        <translation>另存为 Markdown…</translation>
    </message>
    <message>
        <source>Copy as Markdown</source>
        <translation>复制为 Markdown</translation>
    </message>
    <message>
        <source>Saved as {name}.</source>
        <translation>已保存为 {name}。</translation>
    </message>
    <message>
        <source>Copied.</source>
        <translation>已复制。</translation>
    </message>
    <message>
        <source>Nothing measured yet</source>
        <translation>尚无测量结果</translation>
    </message>
    <message>
        <source>Load a model with the picker above and press Run. Stillroom measures how fast it reads and writes, how long the first token takes and how much memory it needs: three times after a warm-up, as llama-bench does. It takes from half a minute to a few minutes.</source>
        <translation>用上方的选择器加载模型，然后点击“运行”。Stillroom 会测量读写速度、首个词元的延迟和内存占用：与 llama-bench 一样，预热后测量三次。全程需要半分钟到几分钟。</translation>
    </message>
    <message>
        <source>Generation speed, run by run</source>
        <translation>历次生成速度</translation>
    </message>
    <message>
        <source>All runs of this model file; bars are one deviation up and down</source>
        <translation>此模型文件的全部测试；误差线为上下一个标准差</translation>
    </message>
    <message>
        <source>Speed and size of your models</source>
        <translation>各模型的速度与大小</translation>
    </message>
    <message>
        <source>The newest run of each model file on this computer</source>
        <translation>每个模型文件在本机的最近一次测试</translation>
    </message>
</context>
<context>
    <name>BlockRow</name>
    <message>
        <source>Checking the syntax…</source>
        <translation>正在检查语法…</translation>
    </message>
    <message>
        <source>Insert</source>
        <translation>插入</translation>
    </message>
    <message>
        <source>Insert at the cursor (Ctrl+Shift+I)</source>
        <translation>插入到光标处 (Ctrl+Shift+I)</translation>
    </message>
    <message>
        <source>Replace</source>
        <translation>替换</translation>
    </message>
    <message>
        <source>Replace the selection (Ctrl+Shift+R)</source>
        <translation>替换所选内容 (Ctrl+Shift+R)</translation>
    </message>
    <message>
        <source>✓ valid {rules}</source>
        <translation>✓ 符合 {rules}</translation>
    </message>
    <message>
        <source>Checked without running it.</source>
        <translation>仅检查，未运行。</translation>
    </message>
</context>
<context>
    <name>ChatColumn</name>
    <message>
        <source>Conversation</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Show earlier messages</source>
        <translation>显示更早的消息</translation>
    </message>
    <message>
        <source>Latest</source>
        <translation>最新</translation>
    </message>
    <message>
        <source>Go to the end of the chat (Ctrl+End)</source>
        <translation>转到聊天末尾 (Ctrl+End)</translation>
    </message>
</context>
<context>
    <name>ChatList</name>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
    <message>
        <source>Start a new chat (Ctrl+N)</source>
        <translation>开始新聊天 (Ctrl+N)</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>聊天列表</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>Markdown…</source>
        <translation>Markdown…</translation>
    </message>
    <message>
        <source>Markdown with thinking…</source>
        <translation>Markdown（含思考）…</translation>
    </message>
    <message>
        <source>JSON…</source>
        <translation>JSON…</translation>
    </message>
    <message>
        <source>JSON with thinking…</source>
        <translation>JSON（含思考）…</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
</context>
<context>
    <name>ChatListActions</name>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
    <message>
        <source>The chat is in {path}.</source>
        <translation>聊天已保存到 {path}。</translation>
    </message>
    <message>
        <source>“{title}” is deleted.</source>
        <translation>已删除“{title}”。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Export chat</source>
        <translation>导出聊天</translation>
    </message>
</context>
<context>
    <name>ChatListModel</name>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <source>Last week</source>
        <translation>最近一周</translation>
    </message>
    <message>
        <source>Earlier</source>
        <translation>更早</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
</context>
<context>
    <name>ChatTab</name>
    <message>
        <source>Answering in “{title}”</source>
        <translation>正在回答“{title}”</translation>
    </message>
    <message>
        <source>The benchmark is using the model. Wait until it is done.</source>
        <translation>基准测试正在使用模型，请等它结束。</translation>
    </message>
    <message>
        <source>The model is being loaded.</source>
        <translation>正在加载模型。</translation>
    </message>
    <message>
        <source>No model is loaded. Choose one at the top of the window, or get one.</source>
        <translation>尚未加载模型。请在窗口顶部选择一个，或获取一个。</translation>
    </message>
    <message>
        <source>Get a model</source>
        <translation>获取模型</translation>
    </message>
    <message>
        <source>{tokens} tokens · {left} left</source>
        <translation>{tokens} 个词元 · 剩余 {left}</translation>
    </message>
    <message>
        <source>The file of your chats was damaged and no backup was found. It is kept as {path}.</source>
        <translation>聊天文件已损坏，且没有找到备份。损坏的文件保留为 {path}。</translation>
    </message>
    <message>
        <source>The file of your chats was damaged. The backup of {time} is in its place; the damaged file is kept as {path}.</source>
        <translation>聊天文件已损坏，已用 {time} 的备份替换；损坏的文件保留为 {path}。</translation>
    </message>
</context>
<context>
    <name>CodeCard</name>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy code</source>
        <translation>复制代码</translation>
    </message>
    <message>
        <source>To Code</source>
        <translation>到代码页</translation>
    </message>
    <message>
        <source>Put this into the Code tab</source>
        <translation>放入“代码”页</translation>
    </message>
    <message>
        <source>text</source>
        <translation>文本</translation>
    </message>
    <message>
        <source>Code in {language}</source>
        <translation>{language} 代码</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
</context>
<context>
    <name>CodeConversation</name>
    <message>
        <source>Ask</source>
        <translation>提问</translation>
    </message>
    <message>
        <source>Open a file or write some code first.</source>
        <translation>请先打开文件或写一些代码。</translation>
    </message>
    <message>
        <source>From here on the model knows nothing of the above.</source>
        <translation>从这里开始，模型不再知道上面的内容。</translation>
    </message>
    <message>
        <source>{tokens} tokens, {left} left</source>
        <translation>{tokens} 个词元，剩余 {left}</translation>
    </message>
    <message>
        <source>{tokens} tokens with {sent} of the file&apos;s {lines} lines, {left} left</source>
        <translation>含文件 {sent}/{lines} 行共 {tokens} 个词元，剩余 {left}</translation>
    </message>
    <message>
        <source>{tokens} tokens with the file, {left} left</source>
        <translation>含文件 {tokens} 个词元，剩余 {left}</translation>
    </message>
    <message>
        <source>Lines {first} to {last}: {question}</source>
        <translation>第 {first} 至 {last} 行：{question}</translation>
    </message>
    <message>
        <source>Explain lines {first} to {last} of {file}</source>
        <translation>解释 {file} 第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>Complete {file} at line {first}</source>
        <translation>在第 {first} 行补全 {file}</translation>
    </message>
    <message>
        <source>Fix lines {first} to {last} of {file}</source>
        <translation>修复 {file} 第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>Write tests for lines {first} to {last} of {file}</source>
        <translation>为 {file} 第 {first} 至 {last} 行编写测试</translation>
    </message>
    <message>
        <source>Complete lines {first} to {last} of {file}</source>
        <translation>补全 {file} 第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>Untitled</source>
        <translation>未命名</translation>
    </message>
    <message>
        <source>The engine is busy with the benchmark. Ask again when it is done.</source>
        <translation>引擎正忙于基准测试，请等它结束后再提问。</translation>
    </message>
    <message>
        <source>The model is being loaded.</source>
        <translation>正在加载模型。</translation>
    </message>
    <message>
        <source>No model is loaded. Choose one at the top (Ctrl+M).</source>
        <translation>尚未加载模型。请在顶部选择一个 (Ctrl+M)。</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop (Esc)</source>
        <translation>停止 (Esc)</translation>
    </message>
    <message>
        <source>Ask (Enter)</source>
        <translation>提问 (Enter)</translation>
    </message>
    <message>
        <source>Esc stops the reply.</source>
        <translation>按 Esc 停止回答。</translation>
    </message>
    <message>
        <source>Explain</source>
        <translation>解释</translation>
    </message>
    <message>
        <source>Explain the selection</source>
        <translation>解释所选内容</translation>
    </message>
    <message>
        <source>Complete</source>
        <translation>补全</translation>
    </message>
    <message>
        <source>Complete at the cursor</source>
        <translation>在光标处补全</translation>
    </message>
    <message>
        <source>Tests</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Write tests for the selection</source>
        <translation>为所选内容编写测试</translation>
    </message>
    <message>
        <source>Fix</source>
        <translation>修复</translation>
    </message>
    <message>
        <source>Fix the selection</source>
        <translation>修复所选内容</translation>
    </message>
    <message>
        <source>Select some lines, then choose Explain, Complete, Tests or Fix, or ask in your own words below. Without a selection the question is about the whole file.

Code in a reply is checked for syntax and never run. What was sent to the model is listed with each question.</source>
        <translation>选中若干行，然后选择“解释”“补全”“测试”或“修复”，或在下方自行提问。未选中内容时，问题针对整个文件。

回答中的代码只检查语法，绝不运行。每个问题下方都列出了发送给模型的内容。</translation>
    </message>
    <message>
        <source>Ask about the selection</source>
        <translation>就所选内容提问</translation>
    </message>
    <message>
        <source>Question about the selection</source>
        <translation>关于所选内容的问题</translation>
    </message>
    <message>
        <source>Start over: forget what was said</source>
        <translation>重新开始：忘记之前的对话</translation>
    </message>
</context>
<context>
    <name>CodeDialogs</name>
    <message>
        <source>Unsaved changes</source>
        <translation>未保存的更改</translation>
    </message>
    <message>
        <source>Save the changes in {name} first?</source>
        <translation>要先保存对 {name} 的更改吗？</translation>
    </message>
    <message>
        <source>Save the text in a file first?</source>
        <translation>要先把文本保存为文件吗？</translation>
    </message>
    <message>
        <source>If you discard them, they are gone.</source>
        <translation>如果放弃，这些更改将丢失。</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>放弃</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>The file on disk has changed</source>
        <translation>磁盘上的文件已更改</translation>
    </message>
    <message>
        <source>{name} on disk is not the file that was opened here.</source>
        <translation>磁盘上的 {name} 已不是在此打开时的文件。</translation>
    </message>
    <message>
        <source>Overwriting loses what the other program wrote; reloading loses what was changed here.</source>
        <translation>覆盖会丢失其他程序写入的内容；重新载入会丢失在此所做的更改。</translation>
    </message>
    <message>
        <source>Save under another name</source>
        <translation>以其他名称保存</translation>
    </message>
    <message>
        <source>Overwrite</source>
        <translation>覆盖</translation>
    </message>
    <message>
        <source>Reload</source>
        <translation>重新载入</translation>
    </message>
    <message>
        <source>Reload from disk</source>
        <translation>从磁盘重新载入</translation>
    </message>
    <message>
        <source>Reload {name} and lose the changes made here?</source>
        <translation>要重新载入 {name} 并丢弃在此所做的更改吗？</translation>
    </message>
    <message>
        <source>Open a file</source>
        <translation>打开文件</translation>
    </message>
    <message>
        <source>Save the text as</source>
        <translation>文本另存为</translation>
    </message>
    <message>
        <source>Go to line</source>
        <translation>转到行</translation>
    </message>
    <message>
        <source>Line, 1 to {last}:</source>
        <translation>行号，1 至 {last}：</translation>
    </message>
</context>
<context>
    <name>CodeDocument</name>
    <message>
        <source>{name} holds characters that this editor would change, so it is open for reading only.</source>
        <translation>{name} 含有本编辑器会改动的字符，因此以只读方式打开。</translation>
    </message>
    <message>
        <source>{name} mixes line ends; saving it here makes them all {kind}.</source>
        <translation>{name} 混用了多种换行符；在此保存会全部改为 {kind}。</translation>
    </message>
    <message>
        <source>The text of the last time could not be read: {reason}.</source>
        <translation>无法读取上次的文本：{reason}。</translation>
    </message>
    <message>
        <source>Your unsaved changes from the last time are back.</source>
        <translation>已恢复上次未保存的更改。</translation>
    </message>
    <message>
        <source>Unsaved text cannot be kept over a restart now: {reason}. Save it to a file.</source>
        <translation>目前无法在重启后保留未保存的文本：{reason}。请将其保存为文件。</translation>
    </message>
</context>
<context>
    <name>CodeEditor</name>
    <message>
        <source>Comment or uncomment lines</source>
        <translation>注释或取消注释行</translation>
    </message>
    <message>
        <source>Indent lines</source>
        <translation>增加缩进</translation>
    </message>
    <message>
        <source>Dedent lines</source>
        <translation>减少缩进</translation>
    </message>
</context>
<context>
    <name>CodeEditorCard</name>
    <message>
        <source>Open a file (Ctrl+O), drop one here, paste code, or start typing.</source>
        <translation>打开文件 (Ctrl+O)、把文件拖到这里、粘贴代码，或直接输入。</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Open a file (Ctrl+O)</source>
        <translation>打开文件 (Ctrl+O)</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Save the file (Ctrl+S)</source>
        <translation>保存文件 (Ctrl+S)</translation>
    </message>
    <message>
        <source>✓ valid {rules}</source>
        <translation>✓ 符合 {rules}</translation>
    </message>
    <message>
        <source>Untitled</source>
        <translation>未命名</translation>
    </message>
    <message>
        <source>for reading only</source>
        <translation>只读</translation>
    </message>
    <message>
        <source>not saved</source>
        <translation>未保存</translation>
    </message>
    <message>
        <source>Lines {first} to {last} selected</source>
        <translation>已选中第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>Line {line}, column {column}</source>
        <translation>行 {line}，列 {column}</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
</context>
<context>
    <name>CodeExchange</name>
    <message>
        <source>YOU</source>
        <translation>你</translation>
    </message>
    <message>
        <source>Code {number}</source>
        <translation>代码 {number}</translation>
    </message>
    <message>
        <source>Only lines {first} to {last} of {total} fit into the model&apos;s context and were sent.</source>
        <translation>模型的上下文放不下全文，只发送了 {total} 行中的第 {first} 至 {last} 行。</translation>
    </message>
    <message>
        <source>{count} earlier questions no longer fit into the context and were left out.</source>
        <translation>较早的 {count} 个问题在上下文中放不下，已省略。</translation>
    </message>
</context>
<context>
    <name>CodeTab</name>
    <message>
        <source>New text</source>
        <translation>新建文本</translation>
    </message>
    <message>
        <source>Open…</source>
        <translation>打开…</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <source>Reload from disk</source>
        <translation>从磁盘重新载入</translation>
    </message>
    <message>
        <source>Find…</source>
        <translation>查找…</translation>
    </message>
    <message>
        <source>Replace…</source>
        <translation>替换…</translation>
    </message>
    <message>
        <source>Find next</source>
        <translation>查找下一个</translation>
    </message>
    <message>
        <source>Find previous</source>
        <translation>查找上一个</translation>
    </message>
    <message>
        <source>Go to line…</source>
        <translation>转到行…</translation>
    </message>
    <message>
        <source>Go to the syntax error</source>
        <translation>转到语法错误</translation>
    </message>
    <message>
        <source>Insert the newest code at the cursor</source>
        <translation>在光标处插入最新代码</translation>
    </message>
    <message>
        <source>Replace the selection with the newest code</source>
        <translation>用最新代码替换所选内容</translation>
    </message>
    <message>
        <source>Ask in your own words</source>
        <translation>自行提问</translation>
    </message>
    <message>
        <source>Back to the editor</source>
        <translation>返回编辑器</translation>
    </message>
</context>
<context>
    <name>CodeVerdict</name>
    <message>
        <source>line {line}: {message}</source>
        <translation>第 {line} 行：{message}</translation>
    </message>
    <message>
        <source>syntax not checked: no checker for this language</source>
        <translation>未检查语法：没有此语言的检查器</translation>
    </message>
    <message>
        <source>syntax not checked: the code is too long</source>
        <translation>未检查语法：代码太长</translation>
    </message>
    <message>
        <source>syntax not checked: the checker took too long</source>
        <translation>未检查语法：检查超时</translation>
    </message>
    <message>
        <source>syntax not checked: the checker gave up on it</source>
        <translation>未检查语法：检查器无法处理</translation>
    </message>
</context>
<context>
    <name>CodeView</name>
    <message>
        <source>Code editor</source>
        <translation>代码编辑器</translation>
    </message>
    <message>
        <source>Larger text</source>
        <translation>放大文字</translation>
    </message>
    <message>
        <source>Smaller text</source>
        <translation>缩小文字</translation>
    </message>
    <message>
        <source>Normal text size</source>
        <translation>默认文字大小</translation>
    </message>
</context>
<context>
    <name>ComparisonCard</name>
    <message>
        <source>Copy as Markdown</source>
        <translation>复制为 Markdown</translation>
    </message>
    <message>
        <source>Close the comparison</source>
        <translation>关闭比较</translation>
    </message>
    <message>
        <source>Comparison</source>
        <translation>比较</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>变化</translation>
    </message>
    <message>
        <source>One reading each: a change of 2% or more counts.</source>
        <translation>每项只有一个读数：变化达到 2% 才算数。</translation>
    </message>
    <message>
        <source>Welch&apos;s t-test gives p = {p}; a change counts from 2% and p &lt; 0.05.</source>
        <translation>Welch t 检验得 p = {p}；变化达到 2% 且 p &lt; 0.05 才算数。</translation>
    </message>
    <message>
        <source>{field} {before} → {after}</source>
        <translation>{field} {before} → {after}</translation>
    </message>
    <message>
        <source>Also different: {differences}</source>
        <translation>其他差异：{differences}</translation>
    </message>
</context>
<context>
    <name>Composer</name>
    <message>
        <source>Model behaviour</source>
        <translation>模型行为</translation>
    </message>
    <message>
        <source>System prompt and sampling</source>
        <translation>系统提示词与采样</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>Send (Enter)</source>
        <translation>发送 (Enter)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop the reply (Esc)</source>
        <translation>停止回答 (Esc)</translation>
    </message>
    <message>
        <source>Ask anything. Enter sends, Shift+Enter for a new line.</source>
        <translation>随便问。Enter 发送，Shift+Enter 换行。</translation>
    </message>
    <message>
        <source>You can write already; it is kept until you can send it.</source>
        <translation>现在就可以写，内容会保留到可以发送时。</translation>
    </message>
</context>
<context>
    <name>ContextNotice</name>
    <message>
        <source>Leave out and send</source>
        <translation>省略并发送</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
    <message>
        <source>This message is too long: it takes {needed} of the context&apos;s {total} tokens and leaves no room for a reply. Shorten it, or load the model with a larger context.</source>
        <translation>这条消息太长：占用了上下文 {total} 个词元中的 {needed} 个，没有留下回答的空间。请缩短消息，或用更大的上下文加载模型。</translation>
    </message>
    <message>
        <source>The chat is longer than the context. The model will not see the {count} oldest messages, from “{first}” on. They stay in the chat.</source>
        <translation>聊天长度超出了上下文。模型将看不到最早的 {count} 条消息（从“{first}”开始）。它们仍保留在聊天中。</translation>
    </message>
</context>
<context>
    <name>ContextSection</name>
    <message>
        <source>Context in use</source>
        <translation>已用上下文</translation>
    </message>
    <message>
        <source>CONTEXT</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>of {limit} tokens</source>
        <translation>/ {limit} 个词元</translation>
    </message>
    <message>
        <source>no model loaded</source>
        <translation>未加载模型</translation>
    </message>
</context>
<context>
    <name>DoctorPage</name>
    <message>
        <source>Looking at this computer…</source>
        <translation>正在检查本机…</translation>
    </message>
    <message>
        <source>Examine again</source>
        <translation>重新检查</translation>
    </message>
    <message>
        <source>Copy report</source>
        <translation>复制报告</translation>
    </message>
    <message>
        <source>Versions and log lines, no chat text</source>
        <translation>版本和日志，不含聊天内容</translation>
    </message>
    <message>
        <source>Models cannot run here yet.</source>
        <translation>目前还不能在本机运行模型。</translation>
    </message>
    <message>
        <source>Models run here, on the graphics card.</source>
        <translation>模型可在本机的显卡上运行。</translation>
    </message>
    <message>
        <source>Models run here, on the processor.</source>
        <translation>模型可在本机的处理器上运行。</translation>
    </message>
    <message>
        <source>Recommended: {model} in {type}, {size}</source>
        <translation>推荐：{model}，{type}，{size}</translation>
    </message>
    <message>
        <source>{processor}, {cores} cores</source>
        <translation>{processor}，{cores} 核</translation>
    </message>
    <message>
        <source>{free} of {total} of memory free, {disk} of disk free</source>
        <translation>内存可用 {free}（共 {total}），磁盘可用 {disk}</translation>
    </message>
    <message>
        <source>llama.cpp computes on {backend}: {device}</source>
        <translation>llama.cpp 通过 {backend} 计算：{device}</translation>
    </message>
    <message>
        <source>{free} of {total} of memory free</source>
        <translation>内存可用 {free}（共 {total}）</translation>
    </message>
</context>
<context>
    <name>EmptyChat</name>
    <message>
        <source>Ask anything</source>
        <translation>随便问</translation>
    </message>
    <message>
        <source>{model} answers on this computer. Nothing you write leaves it.</source>
        <translation>{model} 在本机回答。你写的内容不会离开这台电脑。</translation>
    </message>
    <message>
        <source>Choose a model at the top of the window to begin.</source>
        <translation>请先在窗口顶部选择模型。</translation>
    </message>
</context>
<context>
    <name>FigureCards</name>
    <message>
        <source>GENERATION</source>
        <translation>生成速度</translation>
    </message>
    <message>
        <source>PROMPT</source>
        <translation>提示词速度</translation>
    </message>
    <message>
        <source>FIRST TOKEN</source>
        <translation>首个词元</translation>
    </message>
    <message>
        <source>PEAK MEMORY</source>
        <translation>内存峰值</translation>
    </message>
    <message>
        <source>after a prompt of {tokens} tokens</source>
        <translation>提示词 {tokens} 个词元之后</translation>
    </message>
    <message>
        <source>graphics memory {size} GiB</source>
        <translation>显存 {size} GiB</translation>
    </message>
    <message>
        <source>loads in {duration} s</source>
        <translation>加载用时 {duration} 秒</translation>
    </message>
    <message>
        <source>{tokens} tokens; 95%: {low} to {high}</source>
        <translation>{tokens} 个词元；95%：{low} 至 {high}</translation>
    </message>
</context>
<context>
    <name>FindBar</name>
    <message>
        <source>Find</source>
        <translation>查找</translation>
    </message>
    <message>
        <source>Replace with</source>
        <translation>替换为</translation>
    </message>
    <message>
        <source>Match upper and lower case</source>
        <translation>区分大小写</translation>
    </message>
    <message>
        <source>Whole words only</source>
        <translation>全字匹配</translation>
    </message>
    <message>
        <source>Regular expression</source>
        <translation>正则表达式</translation>
    </message>
    <message>
        <source>Previous</source>
        <translation>上一个</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>下一个</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Replace</source>
        <translation>替换</translation>
    </message>
    <message>
        <source>Replace all</source>
        <translation>全部替换</translation>
    </message>
    <message>
        <source>{count} replaced</source>
        <translation>已替换 {count} 处</translation>
    </message>
    <message>
        <source>not found</source>
        <translation>未找到</translation>
    </message>
    <message>
        <source>not a valid pattern</source>
        <translation>表达式无效</translation>
    </message>
    <message>
        <source>{count} or more</source>
        <translation>{count} 处或更多</translation>
    </message>
    <message>
        <source>{count} found</source>
        <translation>找到 {count} 处</translation>
    </message>
    <message>
        <source>{index} of {count}</source>
        <translation>第 {index} 处，共 {count} 处</translation>
    </message>
</context>
<context>
    <name>GenerationSection</name>
    <message>
        <source>Generation speed over the last two minutes</source>
        <translation>最近两分钟的生成速度</translation>
    </message>
    <message>
        <source>GENERATION</source>
        <translation>生成速度</translation>
    </message>
    <message>
        <source>tok/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>tok/s, last reply</source>
        <translation>词元/秒，上次回答</translation>
    </message>
    <message>
        <source>No reply yet</source>
        <translation>尚无回答</translation>
    </message>
    <message>
        <source>Prompt {rate} tok/s</source>
        <translation>提示词 {rate} 词元/秒</translation>
    </message>
    <message>
        <source>First token {duration} s</source>
        <translation>首个词元 {duration} 秒</translation>
    </message>
</context>
<context>
    <name>GpuSection</name>
    <message>
        <source>VRAM · {name}</source>
        <translation>显存 · {name}</translation>
    </message>
    <message>
        <source>of {total} GiB</source>
        <translation>/ {total} GiB</translation>
    </message>
    <message>
        <source>Stillroom {size}</source>
        <translation>Stillroom {size}</translation>
    </message>
    <message>
        <source>Memory of {name} over the last two minutes; the dashed line is its limit</source>
        <translation>{name} 最近两分钟的显存占用；虚线为上限</translation>
    </message>
    <message>
        <source>GPU {percent}%</source>
        <translation>GPU {percent}%</translation>
    </message>
    <message>
        <source>{degrees} °C</source>
        <translation>{degrees} °C</translation>
    </message>
    <message>
        <source>{watts} W</source>
        <translation>{watts} W</translation>
    </message>
</context>
<context>
    <name>GpuSections</name>
    <message>
        <source>VRAM</source>
        <translation>显存</translation>
    </message>
    <message>
        <source>Asking NVIDIA&apos;s driver …</source>
        <translation>正在查询 NVIDIA 驱动…</translation>
    </message>
    <message>
        <source>No NVIDIA driver found. Graphics memory is shown for NVIDIA cards only.</source>
        <translation>未找到 NVIDIA 驱动；仅显示 NVIDIA 显存。</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s driver {version} is installed, but it sees no card.</source>
        <translation>已安装 NVIDIA 驱动 {version}，但它没有检测到显卡。</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s driver answers with an error: {reason}</source>
        <translation>NVIDIA 驱动返回错误：{reason}</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s driver does not answer. A restart of the computer usually helps.</source>
        <translation>NVIDIA 驱动没有响应。重启电脑通常可以解决。</translation>
    </message>
</context>
<context>
    <name>HostSection</name>
    <message>
        <source>RAM –</source>
        <translation>内存 –</translation>
    </message>
    <message>
        <source>CPU –</source>
        <translation>CPU –</translation>
    </message>
    <message>
        <source>MEMORY AND CPU</source>
        <translation>内存与 CPU</translation>
    </message>
    <message>
        <source>RAM {used} of {total} GiB</source>
        <translation>内存 {used} / {total} GiB</translation>
    </message>
    <message>
        <source>Stillroom {size}</source>
        <translation>Stillroom {size}</translation>
    </message>
    <message>
        <source>CPU {percent}%</source>
        <translation>CPU {percent}%</translation>
    </message>
    <message>
        <source>Stillroom {percent}%</source>
        <translation>Stillroom {percent}%</translation>
    </message>
</context>
<context>
    <name>JobCard</name>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Stop and delete what was downloaded for it</source>
        <translation>停止并删除为此下载的文件</translation>
    </message>
    <message>
        <source>Getting {model} → {types}</source>
        <translation>正在获取 {model} → {types}</translation>
    </message>
    <message>
        <source>Getting {model}</source>
        <translation>正在获取 {model}</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>What has arrived is kept.</source>
        <translation>已下载的部分会保留。</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} / {total}</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>剩余 {time}</translation>
    </message>
    <message>
        <source>Every file is checked against its SHA-256. A pause or a restart loses nothing.</source>
        <translation>每个文件都用 SHA-256 校验。暂停或重启不会丢失任何内容。</translation>
    </message>
    <message>
        <source>Downloading</source>
        <translation>正在下载</translation>
    </message>
    <message>
        <source>Verifying</source>
        <translation>正在校验</translation>
    </message>
    <message>
        <source>Converting</source>
        <translation>正在转换</translation>
    </message>
    <message>
        <source>Quantising</source>
        <translation>正在量化</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>Waits for the job before it</source>
        <translation>等待前一个任务</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>已完成</translation>
    </message>
    <message>
        <source>Asking the server</source>
        <translation>正在查询服务器</translation>
    </message>
</context>
<context>
    <name>LinkQuestion</name>
    <message>
        <source>Open link</source>
        <translation>打开链接</translation>
    </message>
    <message>
        <source>Open this address in your browser?</source>
        <translation>要在浏览器中打开这个网址吗？</translation>
    </message>
    <message>
        <source>Stillroom does not open addresses of this kind.</source>
        <translation>Stillroom 不会打开这类网址。</translation>
    </message>
</context>
<context>
    <name>LivePanel</name>
    <message>
        <source>Live</source>
        <translation>实时</translation>
    </message>
    <message>
        <source>Collapse the live panel</source>
        <translation>收起实时面板</translation>
    </message>
    <message>
        <source>Open the live panel</source>
        <translation>展开实时面板</translation>
    </message>
</context>
<context>
    <name>LoadSettingsDialog</name>
    <message>
        <source>How the model is loaded</source>
        <translation>模型加载方式</translation>
    </message>
    <message>
        <source>automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>on</source>
        <translation>开启</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>Tokens that the model can see at once. More needs more memory.</source>
        <translation>模型一次能看到的词元数。越多占用内存越多。</translation>
    </message>
    <message>
        <source>GPU layers</source>
        <translation>GPU 层数</translation>
    </message>
    <message>
        <source>Layers that run on the graphics card. Automatic takes as many as fit.</source>
        <translation>在显卡上运行的层数。“自动”会放入尽可能多的层。</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>Processor threads. Automatic takes one for each physical core.</source>
        <translation>处理器线程数。“自动”为每个物理核心一个线程。</translation>
    </message>
    <message>
        <source>Cache type</source>
        <translation>缓存类型</translation>
    </message>
    <message>
        <source>q8_0 halves the memory of the context at a hardly measurable loss.</source>
        <translation>q8_0 使上下文内存减半，质量几乎无损。</translation>
    </message>
    <message>
        <source>Flash attention</source>
        <translation>Flash attention</translation>
    </message>
    <message>
        <source>Faster and smaller where the device can do it.</source>
        <translation>在设备支持时更快、更省内存。</translation>
    </message>
    <message>
        <source>Defaults</source>
        <translation>恢复默认值</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Apply and load again</source>
        <translation>应用并重新加载</translation>
    </message>
</context>
<context>
    <name>LoadedLine</name>
    <message>
        <source>Loading {percent}%</source>
        <translation>正在加载 {percent}%</translation>
    </message>
    <message>
        <source>{on_gpu} of {layers} layers on the GPU</source>
        <translation>{layers} 层中有 {on_gpu} 层在 GPU 上</translation>
    </message>
    <message>
        <source>All {layers} layers on the processor, {threads} threads</source>
        <translation>全部 {layers} 层在处理器上，{threads} 个线程</translation>
    </message>
    <message>
        <source>No model loaded</source>
        <translation>未加载模型</translation>
    </message>
    <message>
        <source>Choose one above to start.</source>
        <translation>请在上方选择一个。</translation>
    </message>
    <message>
        <source>The engine stopped</source>
        <translation>引擎已停止</translation>
    </message>
    <message>
        <source>It starts again when a model is loaded.</source>
        <translation>加载模型时会重新启动。</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>How the model is loaded</source>
        <translation>模型加载方式</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Settings (Ctrl+,)</source>
        <translation>设置 (Ctrl+,)</translation>
    </message>
</context>
<context>
    <name>ModelDetail</name>
    <message>
        <source>Tick what to get</source>
        <translation>勾选要获取的类型</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>Load {model}</source>
        <translation>加载 {model}</translation>
    </message>
    <message>
        <source>Show {model} in its folder</source>
        <translation>在文件夹中显示 {model}</translation>
    </message>
    <message>
        <source>Delete {model}</source>
        <translation>删除 {model}</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>已加载</translation>
    </message>
    <message>
        <source>Comes with Stillroom</source>
        <translation>随 Stillroom 附带</translation>
    </message>
    <message>
        <source>Stays where it is: {path}</source>
        <translation>保留在原位置：{path}</translation>
    </message>
    <message>
        <source>On disk</source>
        <translation>已下载</translation>
    </message>
    <message>
        <source>Get {type}</source>
        <translation>获取 {type}</translation>
    </message>
    <message>
        <source>On its way</source>
        <translation>正在获取</translation>
    </message>
    <message>
        <source>From {repo}</source>
        <translation>来自 {repo}</translation>
    </message>
    <message>
        <source>Added from this computer</source>
        <translation>从本机添加</translation>
    </message>
    <message>
        <source>{count} billion parameters</source>
        <translation>{count}B 参数</translation>
    </message>
    <message>
        <source>from {base}</source>
        <translation>基于 {base}</translation>
    </message>
    <message>
        <source>context up to {tokens} tokens</source>
        <translation>上下文最多 {tokens} 个词元</translation>
    </message>
    <message>
        <source>licence: {licence}</source>
        <translation>许可证：{licence}</translation>
    </message>
    <message>
        <source>Get {types} · {size} to download</source>
        <translation>获取 {types} · 需下载 {size}</translation>
    </message>
    <message>
        <source>Published: {scores}</source>
        <translation>公布的成绩：{scores}</translation>
    </message>
</context>
<context>
    <name>ModelPicker</name>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Choose the model that answers (Ctrl+M)</source>
        <translation>选择用来回答的模型 (Ctrl+M)</translation>
    </message>
    <message>
        <source>Cancel loading</source>
        <translation>取消加载</translation>
    </message>
    <message>
        <source>Unload and free its memory</source>
        <translation>卸载模型并释放内存</translation>
    </message>
    <message>
        <source>Get more models…</source>
        <translation>获取更多模型…</translation>
    </message>
    <message>
        <source>Loading {model}, {percent}%</source>
        <translation>正在加载 {model}，{percent}%</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>选择模型</translation>
    </message>
</context>
<context>
    <name>ModelsTab</name>
    <message>
        <source>{model} is ready.</source>
        <translation>{model} 已就绪。</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>{model} was deleted.</source>
        <translation>已删除 {model}。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
</context>
<context>
    <name>ModelsTable</name>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>On disk</source>
        <translation>已下载</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>AIME 2024</source>
        <translation>AIME 2024</translation>
    </message>
    <message>
        <source>On this PC</source>
        <translation>本机运行</translation>
    </message>
    <message>
        <source>Published share of the AIME 2024 problems that are solved at the first try.</source>
        <translation>公布的 AIME 2024 题目一次答对的比例。</translation>
    </message>
    <message>
        <source>getting…</source>
        <translation>正在获取…</translation>
    </message>
    <message>
        <source>{size} to get</source>
        <translation>需下载 {size}</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>已加载</translation>
    </message>
</context>
<context>
    <name>ModelsView</name>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
</context>
<context>
    <name>Notices</name>
    <message>
        <source>Notice</source>
        <translation>通知</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation>复制详情</translation>
    </message>
    <message>
        <source>Something went wrong that Stillroom did not expect.</source>
        <translation>发生了 Stillroom 未预料到的错误。</translation>
    </message>
    <message>
        <source>Your chats and models are safe. The report holds no chat text.</source>
        <translation>聊天和模型都安全。报告不含聊天内容。</translation>
    </message>
    <message>
        <source>Copy report</source>
        <translation>复制报告</translation>
    </message>
</context>
<context>
    <name>QuestionCard</name>
    <message>
        <source>Your message</source>
        <translation>你的消息</translation>
    </message>
</context>
<context>
    <name>RecommendationCard</name>
    <message>
        <source>Get</source>
        <translation>获取</translation>
    </message>
    <message>
        <source>RECOMMENDED FOR THIS PC</source>
        <translation>为本机推荐</translation>
    </message>
    <message>
        <source>Looking at this computer…</source>
        <translation>正在检查本机…</translation>
    </message>
    <message>
        <source>The engine is listing the devices that it can use.</source>
        <translation>引擎正在列出可用的设备。</translation>
    </message>
    <message>
        <source>No R1 model fits into the free memory</source>
        <translation>可用内存放不下任何 R1 模型</translation>
    </message>
    <message>
        <source>The smallest needs about 3.5 GB of free RAM. Close other programs, or use the starter model.</source>
        <translation>最小的模型需要约 3.5 GB 可用内存。请关闭其他程序，或使用入门模型。</translation>
    </message>
    <message>
        <source>The best published scores of the models that run quickly here (AIME 2024 {aime}%, GPQA Diamond {gpqa}%).</source>
        <translation>在本机运行流畅的模型中公布成绩最好（AIME 2024 {aime}%，GPQA Diamond {gpqa}%）。</translation>
    </message>
    <message>
        <source>{model} scores higher: {reason}</source>
        <translation>{model} 成绩更高：{reason}</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>Get · {size}</source>
        <translation>获取 · {size}</translation>
    </message>
    <message>
        <source>Downloads the original weights ({download}) and builds {size} from them.</source>
        <translation>下载原始权重（{download}），并由此构建 {size} 的模型。</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>已加载</translation>
    </message>
    <message>
        <source>On its way</source>
        <translation>正在获取</translation>
    </message>
</context>
<context>
    <name>ReplySettings</name>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Model behaviour</source>
        <translation>模型行为</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>None</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Longest reply</source>
        <translation>最长回答</translation>
    </message>
    <message>
        <source>as fits</source>
        <translation>尽量长</translation>
    </message>
    <message>
        <source>random</source>
        <translation>随机</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>种子</translation>
    </message>
    <message>
        <source>How freely words are chosen. 0 is fixed.</source>
        <translation>选词的随机程度。0 为固定。</translation>
    </message>
    <message>
        <source>Only the likeliest words that make up this share.</source>
        <translation>只从合计达到此比例的最可能词中选。</translation>
    </message>
    <message>
        <source>Only so many of the likeliest words.</source>
        <translation>只从这么多个最可能的词中选。</translation>
    </message>
    <message>
        <source>Only words at least this likely beside the likeliest.</source>
        <translation>只选与最可能的词相比至少达到此概率的词。</translation>
    </message>
    <message>
        <source>In tokens, thinking included.</source>
        <translation>以词元计，含思考。</translation>
    </message>
    <message>
        <source>The same seed gives the same reply again.</source>
        <translation>相同的种子会得到相同的回答。</translation>
    </message>
    <message>
        <source>Use the recommendation</source>
        <translation>使用推荐值</translation>
    </message>
    <message>
        <source>SYSTEM PROMPT</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>R1 models work best without one: put instructions into the message.</source>
        <translation>R1 模型不用系统提示词效果最好：请把要求写进消息里。</translation>
    </message>
    <message>
        <source>SAMPLING</source>
        <translation>采样</translation>
    </message>
    <message>
        <source>This chat follows DeepSeek&apos;s authors, who recommend temperature {temperature} and top-p {top_p} for R1 models.</source>
        <translation>此聊天采用 DeepSeek 作者为 R1 模型推荐的温度 {temperature} 和 top-p {top_p}。</translation>
    </message>
    <message>
        <source>DeepSeek&apos;s authors recommend temperature {temperature} and top-p {top_p} for R1 models.</source>
        <translation>DeepSeek 作者为 R1 模型推荐温度 {temperature} 和 top-p {top_p}。</translation>
    </message>
    <message>
        <source>Your settings start chats with temperature {temperature} and top-p {top_p}.</source>
        <translation>按你的设置，新聊天的温度为 {temperature}，top-p 为 {top_p}。</translation>
    </message>
</context>
<context>
    <name>ReplyView</name>
    <message>
        <source>Reading the prompt…</source>
        <translation>正在读取提示词…</translation>
    </message>
    <message>
        <source>Reading the prompt… {done} of {total} tokens</source>
        <translation>正在读取提示词… {done} / {total} 个词元</translation>
    </message>
    <message>
        <source>{tokens} tokens · {rate} tok/s · first token {seconds} s</source>
        <translation>{tokens} 个词元 · {rate} 词元/秒 · 首个词元 {seconds} 秒</translation>
    </message>
    <message>
        <source>Prompt: {tokens} tokens at {rate} tok/s. Seed: {seed}.</source>
        <translation>提示词：{tokens} 个词元，{rate} 词元/秒。种子：{seed}。</translation>
    </message>
    <message>
        <source>The engine stopped before the reply was complete.</source>
        <translation>回答完成前引擎已停止。</translation>
    </message>
    <message>
        <source>Stillroom was closed before this reply was complete. What had come is kept.</source>
        <translation>这个回答完成前 Stillroom 已关闭。已生成的内容已保留。</translation>
    </message>
    <message>
        <source>The reply reached the most tokens that this chat allows.</source>
        <translation>回答达到了此聊天允许的最大词元数。</translation>
    </message>
    <message>
        <source>The context is full, so the reply ends here.</source>
        <translation>上下文已满，回答到此结束。</translation>
    </message>
    <message>
        <source>Stopped.</source>
        <translation>已停止。</translation>
    </message>
    <message>
        <source>The model gave no answer.</source>
        <translation>模型没有给出回答。</translation>
    </message>
    <message>
        <source>Copy the reply</source>
        <translation>复制回答</translation>
    </message>
    <message>
        <source>Regenerate the reply</source>
        <translation>重新生成回答</translation>
    </message>
</context>
<context>
    <name>RunsPlot</name>
    <message>
        <source>run</source>
        <translation>测试次序</translation>
    </message>
    <message>
        <source>tok/s</source>
        <translation>词元/秒</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>General</source>
        <translation>常规</translation>
    </message>
    <message>
        <source>This computer</source>
        <translation>本机</translation>
    </message>
    <message>
        <source>About</source>
        <translation>关于</translation>
    </message>
    <message>
        <source>As the desktop</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Keep the original weights after a build</source>
        <translation>构建后保留原始权重</translation>
    </message>
    <message>
        <source>They are needed to build another quantisation without a new download.</source>
        <translation>有了它们，构建其他量化版本时无需重新下载。</translation>
    </message>
    <message>
        <source>Colours</source>
        <translation>颜色</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Live measurements</source>
        <translation>实时测量</translation>
    </message>
    <message>
        <source>Where your files are</source>
        <translation>文件位置</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Version {version}</source>
        <translation>版本 {version}</translation>
    </message>
    <message>
        <source>Runs DeepSeek-R1 distilled models on your own computer. Nothing leaves it except the downloads that you ask for.</source>
        <translation>在自己的电脑上运行 DeepSeek-R1 蒸馏模型。除了你要求的下载，任何数据都不会离开本机。</translation>
    </message>
    <message>
        <source>MIT licence. Built on llama.cpp, Qt and Python. Models have licences of their own.</source>
        <translation>MIT 许可证。基于 llama.cpp、Qt 和 Python。模型各有其许可证。</translation>
    </message>
</context>
<context>
    <name>SizePlot</name>
    <message>
        <source>size, GB</source>
        <translation>大小，GB</translation>
    </message>
    <message>
        <source>tok/s</source>
        <translation>词元/秒</translation>
    </message>
</context>
<context>
    <name>ThinkingLine</name>
    <message>
        <source>Thinking… {seconds} s · {tokens} tokens</source>
        <translation>正在思考… {seconds} 秒 · {tokens} 个词元</translation>
    </message>
    <message>
        <source>Thought, not finished</source>
        <translation>思考未完成</translation>
    </message>
    <message>
        <source>Thought</source>
        <translation>已思考</translation>
    </message>
    <message>
        <source>Thought for {seconds} s · {tokens} tokens</source>
        <translation>思考了 {seconds} 秒 · {tokens} 个词元</translation>
    </message>
</context>
<context>
    <name>WindowApplication</name>
    <message>
        <source>Chat</source>
        <translation>聊天</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>Benchmark</source>
        <translation>基准测试</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
</context>
<context>
    <name>_Delegate</name>
    <message>
        <source>Title of the chat</source>
        <translation>聊天标题</translation>
    </message>
</context>
<context>
    <name>_Field</name>
    <message>
        <source>Message</source>
        <translation>消息</translation>
    </message>
</context>
<context>
    <name>_Head</name>
    <message>
        <source>The thinking is shown.</source>
        <translation>思考已展开。</translation>
    </message>
    <message>
        <source>The thinking is folded.</source>
        <translation>思考已折叠。</translation>
    </message>
</context>
<context>
    <name>_Notice</name>
    <message>
        <source>Retry</source>
        <translation>重试</translation>
    </message>
</context>
<context>
    <name>_SentPrompt</name>
    <message>
        <source>What was sent: {tokens} tokens</source>
        <translation>发送的内容：{tokens} 个词元</translation>
    </message>
    <message>
        <source>The prompt</source>
        <translation>提示词</translation>
    </message>
</context>
<context>
    <name>benchmark</name>
    <message>
        <source>Save the report</source>
        <translation>保存报告</translation>
    </message>
    <message>
        <source>Load time</source>
        <translation>加载时间</translation>
    </message>
    <message>
        <source>Time to first token</source>
        <translation>首个词元时间</translation>
    </message>
    <message>
        <source>Peak memory</source>
        <translation>内存峰值</translation>
    </message>
    <message>
        <source>Graphics memory</source>
        <translation>显存</translation>
    </message>
    <message>
        <source>Prompt, {tokens} tokens</source>
        <translation>提示词，{tokens} 个词元</translation>
    </message>
    <message>
        <source>Generation, {tokens} tokens</source>
        <translation>生成，{tokens} 个词元</translation>
    </message>
    <message>
        <source>GiB</source>
        <translation>GiB</translation>
    </message>
    <message>
        <source>s</source>
        <translation>秒</translation>
    </message>
    <message>
        <source>tok/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>better</source>
        <translation>更好</translation>
    </message>
    <message>
        <source>worse</source>
        <translation>更差</translation>
    </message>
    <message>
        <source>within noise</source>
        <translation>在误差范围内</translation>
    </message>
    <message>
        <source>not conclusive: the repeats scatter too much</source>
        <translation>无法判断：多次测量过于分散</translation>
    </message>
    <message>
        <source>Other programs used the processor meanwhile.</source>
        <translation>测试期间其他程序占用了处理器。</translation>
    </message>
    <message>
        <source>The computer ran on battery.</source>
        <translation>电脑使用电池供电。</translation>
    </message>
    <message>
        <source>The processor was at its heat limit.</source>
        <translation>处理器达到了温度上限。</translation>
    </message>
    <message>
        <source>Reading the model file</source>
        <translation>正在读取模型文件</translation>
    </message>
    <message>
        <source>Loading the model</source>
        <translation>正在加载模型</translation>
    </message>
    <message>
        <source>Measuring the prompt speed</source>
        <translation>正在测量提示词处理速度</translation>
    </message>
    <message>
        <source>Measuring the generation speed</source>
        <translation>正在测量生成速度</translation>
    </message>
    <message>
        <source>Measuring the time to the first token</source>
        <translation>正在测量首个词元时间</translation>
    </message>
    <message>
        <source>{step}, warm-up</source>
        <translation>{step}，预热</translation>
    </message>
    <message>
        <source>{step}, {repeat} of {repeats}</source>
        <translation>{step}，第 {repeat} 次，共 {repeats} 次</translation>
    </message>
    <message>
        <source>processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>graphics card</source>
        <translation>显卡</translation>
    </message>
    <message>
        <source>graphics driver</source>
        <translation>显卡驱动</translation>
    </message>
    <message>
        <source>system</source>
        <translation>系统</translation>
    </message>
    <message>
        <source>model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>quantisation</source>
        <translation>量化</translation>
    </message>
    <message>
        <source>file</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>llama.cpp</source>
        <translation>llama.cpp</translation>
    </message>
    <message>
        <source>Stillroom</source>
        <translation>Stillroom</translation>
    </message>
    <message>
        <source>back end</source>
        <translation>后端</translation>
    </message>
    <message>
        <source>layers on the GPU</source>
        <translation>GPU 层数</translation>
    </message>
    <message>
        <source>threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>batch</source>
        <translation>批大小</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <source>suite</source>
        <translation>测试套件</translation>
    </message>
    <message>
        <source>driver {version}</source>
        <translation>驱动 {version}</translation>
    </message>
</context>
<context>
    <name>durations</name>
    <message>
        <source>{seconds} s</source>
        <translation>{seconds} 秒</translation>
    </message>
    <message>
        <source>{minutes} min {seconds:02} s</source>
        <translation>{minutes} 分 {seconds:02} 秒</translation>
    </message>
    <message>
        <source>{hours} h {minutes:02} min</source>
        <translation>{hours} 小时 {minutes:02} 分</translation>
    </message>
</context>
<context>
    <name>errors</name>
    <message>
        <source>A GGUF file cannot be turned into {type}.</source>
        <translation>GGUF 文件不能转换为 {type}。</translation>
    </message>
    <message>
        <source>A quantised KV cache needs flash attention, which is switched off.</source>
        <translation>量化的 KV 缓存需要 Flash attention，但它已关闭。</translation>
    </message>
    <message>
        <source>A setting cannot have this value: {reason}.</source>
        <translation>设置不能取此值：{reason}。</translation>
    </message>
    <message>
        <source>Accept them at {endpoint}/{repo}, then set HF_TOKEN to a token of the same account.</source>
        <translation>请在 {endpoint}/{repo} 接受条款，然后把 HF_TOKEN 设为同一账户的令牌。</translation>
    </message>
    <message>
        <source>An id looks like owner/name.</source>
        <translation>ID 的形式为 owner/name。</translation>
    </message>
    <message>
        <source>Another Stillroom is downloading into {folder} already.</source>
        <translation>另一个 Stillroom 正在下载到 {folder}。</translation>
    </message>
    <message>
        <source>Build bf16 instead; it has the range of the original weights.</source>
        <translation>请改为构建 bf16；它的数值范围与原始权重相同。</translation>
    </message>
    <message>
        <source>Build bf16, f16 or f32 instead.</source>
        <translation>请改为构建 bf16、f16 或 f32。</translation>
    </message>
    <message>
        <source>Build it with `stillroom build`, or chat with it.</source>
        <translation>请用 `stillroom build` 构建，或直接与它聊天。</translation>
    </message>
    <message>
        <source>Build them with: stillroom build {folder} --type {type}</source>
        <translation>构建命令：stillroom build {folder} --type {type}</translation>
    </message>
    <message>
        <source>Build {type} from the model&apos;s original weights.</source>
        <translation>请从模型的原始权重构建 {type}。</translation>
    </message>
    <message>
        <source>Change their permissions, or set STILLROOM_HOME to a folder that you may write to.</source>
        <translation>请更改其权限，或把 STILLROOM_HOME 设为可写入的文件夹。</translation>
    </message>
    <message>
        <source>Check that it is there and that you may read it.</source>
        <translation>请检查它是否存在以及是否可读。</translation>
    </message>
    <message>
        <source>Check that the disk has free space and that Stillroom may write to its data folder.</source>
        <translation>请检查磁盘是否有可用空间，以及 Stillroom 能否写入其数据文件夹。</translation>
    </message>
    <message>
        <source>Check that the disk is not full and that Stillroom&apos;s data folder may be written to.</source>
        <translation>请检查磁盘是否已满，以及 Stillroom 的数据文件夹是否可写。</translation>
    </message>
    <message>
        <source>Check that the disk is not full, then try again; the details are in the report.</source>
        <translation>请检查磁盘是否已满，然后重试；详情见报告。</translation>
    </message>
    <message>
        <source>Check that the file exists and that you may read it.</source>
        <translation>请检查文件是否存在以及是否可读。</translation>
    </message>
    <message>
        <source>Check that the file is still there, or download and build the model again.</source>
        <translation>请检查文件是否还在，或重新下载并构建模型。</translation>
    </message>
    <message>
        <source>Check that the folder may be written and that the disk is not full.</source>
        <translation>请检查文件夹是否可写，以及磁盘是否已满。</translation>
    </message>
    <message>
        <source>Check that the folder may be written to and that its disk is healthy.</source>
        <translation>请检查文件夹是否可写，以及磁盘是否正常。</translation>
    </message>
    <message>
        <source>Check the internet connection, and HTTPS_PROXY or HF_ENDPOINT where they are used. Models on disk work without.</source>
        <translation>请检查网络连接；如果使用了 HTTPS_PROXY 或 HF_ENDPOINT，也请检查。已在本机的模型无需联网。</translation>
    </message>
    <message>
        <source>Check the path, or name a model of `stillroom list`.</source>
        <translation>请检查路径，或指定 `stillroom list` 中的模型。</translation>
    </message>
    <message>
        <source>Check the path.</source>
        <translation>请检查路径。</translation>
    </message>
    <message>
        <source>Check the spelling; for a private one set HF_TOKEN to a token that may read it.</source>
        <translation>请检查拼写；如果是私有仓库，请把 HF_TOKEN 设为有权读取它的令牌。</translation>
    </message>
    <message>
        <source>Choose a JSON file that Stillroom exported.</source>
        <translation>请选择由 Stillroom 导出的 JSON 文件。</translation>
    </message>
    <message>
        <source>Choose a file of {repo} that is whole, or build the model from its original weights.</source>
        <translation>请选择 {repo} 中未拆分的文件，或用原始权重构建模型。</translation>
    </message>
    <message>
        <source>Choose a file that ends in .gguf.</source>
        <translation>请选择以 .gguf 结尾的文件。</translation>
    </message>
    <message>
        <source>Choose a folder that you may write to.</source>
        <translation>请选择可写入的文件夹。</translation>
    </message>
    <message>
        <source>Choose a folder with the model&apos;s original files, or download them again.</source>
        <translation>请选择含有模型原始文件的文件夹，或重新下载。</translation>
    </message>
    <message>
        <source>Choose a model and load it first.</source>
        <translation>请先选择并加载模型。</translation>
    </message>
    <message>
        <source>Choose a model at the top of the window, then ask again.</source>
        <translation>请在窗口顶部选择模型，然后再提问。</translation>
    </message>
    <message>
        <source>Choose a model file that ends in .gguf.</source>
        <translation>请选择以 .gguf 结尾的模型文件。</translation>
    </message>
    <message>
        <source>Choose a repository with .safetensors files.</source>
        <translation>请选择含有 .safetensors 文件的仓库。</translation>
    </message>
    <message>
        <source>Choose a repository with .safetensors or .gguf files.</source>
        <translation>请选择含有 .safetensors 或 .gguf 文件的仓库。</translation>
    </message>
    <message>
        <source>Choose a repository with a complete checkpoint (config.json, tokenizer.json, .safetensors).</source>
        <translation>请选择含有完整检查点（config.json、tokenizer.json、.safetensors）的仓库。</translation>
    </message>
    <message>
        <source>Choose a smaller quantisation or context, or close other programs.</source>
        <translation>请选择更小的量化版本或上下文，或关闭其他程序。</translation>
    </message>
    <message>
        <source>Choose another chat from the list.</source>
        <translation>请从列表中选择其他聊天。</translation>
    </message>
    <message>
        <source>Choose another folder.</source>
        <translation>请选择其他文件夹。</translation>
    </message>
    <message>
        <source>Choose another name.</source>
        <translation>请选择其他名称。</translation>
    </message>
    <message>
        <source>Choose another repository.</source>
        <translation>请选择其他仓库。</translation>
    </message>
    <message>
        <source>Choose at least one, such as Q4_K_M.</source>
        <translation>请至少选择一种，例如 Q4_K_M。</translation>
    </message>
    <message>
        <source>Choose one of {types}.</source>
        <translation>请选择以下之一：{types}。</translation>
    </message>
    <message>
        <source>Choose the repository with the original bf16, f16 or f32 weights.</source>
        <translation>请选择含有原始 bf16、f16 或 f32 权重的仓库。</translation>
    </message>
    <message>
        <source>Choose the smallest model, or use a graphics card.</source>
        <translation>请选择最小的模型，或使用显卡。</translation>
    </message>
    <message>
        <source>Choose the starter or R1 Qwen 1.5B with a short context.</source>
        <translation>请选择入门模型，或上下文较短的 R1 Qwen 1.5B。</translation>
    </message>
    <message>
        <source>Close other programs before you load a model.</source>
        <translation>加载模型前请关闭其他程序。</translation>
    </message>
    <message>
        <source>Close other programs, or use the starter model.</source>
        <translation>请关闭其他程序，或使用入门模型。</translation>
    </message>
    <message>
        <source>Close them before you load a large model.</source>
        <translation>加载大模型前请关闭它们。</translation>
    </message>
    <message>
        <source>Convert it to UTF-8 in another editor first, then open it here.</source>
        <translation>请先在其他编辑器中转换为 UTF-8，再在此打开。</translation>
    </message>
    <message>
        <source>Copy the address of the model&apos;s own page, such as https://huggingface.co/owner/name.</source>
        <translation>请复制模型自己页面的网址，例如 https://huggingface.co/owner/name。</translation>
    </message>
    <message>
        <source>Correct it in the model&apos;s settings and load again.</source>
        <translation>请在模型设置中更正，然后重新加载。</translation>
    </message>
    <message>
        <source>Correct it in the sampling settings.</source>
        <translation>请在采样设置中更正。</translation>
    </message>
    <message>
        <source>Delete the new file first to bring the old one back.</source>
        <translation>请先删除新文件，再恢复旧文件。</translation>
    </message>
    <message>
        <source>Did you mean {near}?</source>
        <translation>你是指 {near} 吗？</translation>
    </message>
    <message>
        <source>Download it again.</source>
        <translation>请重新下载。</translation>
    </message>
    <message>
        <source>Download or build it again; a file that does not match its own header is not opened.</source>
        <translation>请重新下载或构建；与自身文件头不符的文件不会打开。</translation>
    </message>
    <message>
        <source>Download the model again with all of its files; Stillroom needs its tokenizer.json.</source>
        <translation>请重新下载模型的全部文件；Stillroom 需要其中的 tokenizer.json。</translation>
    </message>
    <message>
        <source>Download the model again.</source>
        <translation>请重新下载模型。</translation>
    </message>
    <message>
        <source>Download the model again; a weight file is missing or belongs to another model.</source>
        <translation>请重新下载模型；有权重文件缺失或属于其他模型。</translation>
    </message>
    <message>
        <source>Download the model again; its config.json is not right.</source>
        <translation>请重新下载模型；其 config.json 有误。</translation>
    </message>
    <message>
        <source>Download the model again; its files do not belong together.</source>
        <translation>请重新下载模型；其文件互不匹配。</translation>
    </message>
    <message>
        <source>Download the model again; this file is not what its publisher uploaded.</source>
        <translation>请重新下载模型；此文件与发布者上传的不同。</translation>
    </message>
    <message>
        <source>Downloading and building need {needed} on {folder}, and {free} are free.</source>
        <translation>下载和构建需要在 {folder} 占用 {needed}，目前可用 {free}。</translation>
    </message>
    <message>
        <source>Fits entirely on the {gpu} with a context of {context} tokens: {weights} weights + {cache} cache + {buffers} buffers, {free} free.</source>
        <translation>可完全放入 {gpu}，上下文为 {context} 个词元：{weights} 权重 + {cache} 缓存 + {buffers} 缓冲区，可用 {free}。</translation>
    </message>
    <message>
        <source>Free some space and resume; what has arrived is kept.</source>
        <translation>请腾出一些空间后继续；已下载的部分会保留。</translation>
    </message>
    <message>
        <source>Free some space, choose a smaller model, or keep the models on another disk.</source>
        <translation>请腾出一些空间、选择更小的模型，或把模型存放到其他磁盘。</translation>
    </message>
    <message>
        <source>Free some space, or build into a folder on another disk.</source>
        <translation>请腾出一些空间，或构建到其他磁盘的文件夹。</translation>
    </message>
    <message>
        <source>Free some space, or keep the models on another disk.</source>
        <translation>请腾出一些空间，或把模型存放到其他磁盘。</translation>
    </message>
    <message>
        <source>Free some space, or set STILLROOM_HOME to a folder on another disk.</source>
        <translation>请腾出一些空间，或把 STILLROOM_HOME 设为其他磁盘上的文件夹。</translation>
    </message>
    <message>
        <source>Get it with: stillroom build {name} --type {type}</source>
        <translation>获取命令：stillroom build {name} --type {type}</translation>
    </message>
    <message>
        <source>Get one on the Models tab, or with `stillroom build {model} --type Q4_K_M`.</source>
        <translation>请在“模型”页获取一个，或使用 `stillroom build {model} --type Q4_K_M`。</translation>
    </message>
    <message>
        <source>Install a build of llama-cpp-python with Vulkan (any card) or CUDA (NVIDIA), for example: CMAKE_ARGS=&quot;-DGGML_VULKAN=ON&quot; pip install --force-reinstall --no-deps --no-binary :all: llama-cpp-python</source>
        <translation>请安装支持 Vulkan（任何显卡）或 CUDA（NVIDIA）的 llama-cpp-python，例如：CMAKE_ARGS=&quot;-DGGML_VULKAN=ON&quot; pip install --force-reinstall --no-deps --no-binary :all: llama-cpp-python</translation>
    </message>
    <message>
        <source>Install driver {needed} or newer.</source>
        <translation>请安装驱动 {needed} 或更新版本。</translation>
    </message>
    <message>
        <source>Install it with: pip install &quot;stillroom[starter]&quot;</source>
        <translation>安装命令：pip install &quot;stillroom[starter]&quot;</translation>
    </message>
    <message>
        <source>Install llama-cpp-python again: pip install --force-reinstall --no-deps llama-cpp-python</source>
        <translation>请重新安装 llama-cpp-python：pip install --force-reinstall --no-deps llama-cpp-python</translation>
    </message>
    <message>
        <source>Install or renew the card&apos;s driver, the Vulkan one included.</source>
        <translation>请安装或更新显卡驱动，包括 Vulkan 驱动。</translation>
    </message>
    <message>
        <source>Install the driver of your distribution (on Debian: nvidia-driver; on Ubuntu: `ubuntu-drivers install`), or from nvidia.com, and restart the computer.</source>
        <translation>请安装发行版提供的驱动（Debian：nvidia-driver；Ubuntu：`ubuntu-drivers install`），或从 nvidia.com 安装，然后重启电脑。</translation>
    </message>
    <message>
        <source>It takes no space in your folder.</source>
        <translation>它不占用你文件夹的空间。</translation>
    </message>
    <message>
        <source>Keep one set of weight files in the folder, or download the model again.</source>
        <translation>请在文件夹中只保留一套权重文件，或重新下载模型。</translation>
    </message>
    <message>
        <source>Leave the revision out for the newest one, or see {endpoint}/{repo}/commits/main.</source>
        <translation>不指定版本即可获取最新版，也可查看 {endpoint}/{repo}/commits/main。</translation>
    </message>
    <message>
        <source>Load the model again, with a smaller context or fewer layers on the graphics card, or choose another model.</source>
        <translation>请重新加载模型并减小上下文或显卡层数，或选择其他模型。</translation>
    </message>
    <message>
        <source>Load the model with a larger context and run the benchmark again.</source>
        <translation>请用更大的上下文加载模型，然后重新运行基准测试。</translation>
    </message>
    <message>
        <source>Look for a newer file of this model, or build it again.</source>
        <translation>请寻找此模型的更新文件，或重新构建。</translation>
    </message>
    <message>
        <source>Look for a ready-made GGUF file of this model.</source>
        <translation>请寻找此模型的现成 GGUF 文件。</translation>
    </message>
    <message>
        <source>Move it away, or download into an empty folder.</source>
        <translation>请把它移走，或下载到空文件夹。</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s driver does not answer ({state}). {native}</source>
        <translation>NVIDIA 驱动没有响应（{state}）。{native}</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s libraries are missing: pip install nvidia-cuda-runtime nvidia-cublas</source>
        <translation>缺少 NVIDIA 的库：pip install nvidia-cuda-runtime nvidia-cublas</translation>
    </message>
    <message>
        <source>Name a .gguf file, or the folder that holds config.json and the .safetensors files.</source>
        <translation>请指定 .gguf 文件，或含有 config.json 和 .safetensors 文件的文件夹。</translation>
    </message>
    <message>
        <source>Name a model of `stillroom list`, a Hugging Face id (owner/name), a folder or a GGUF file.</source>
        <translation>请指定 `stillroom list` 中的模型、Hugging Face ID (owner/name)、文件夹或 GGUF 文件。</translation>
    </message>
    <message>
        <source>Name one of them as {repo}:FILE, such as {choices}.</source>
        <translation>请用 {repo}:FILE 的形式指定其中一个，例如 {choices}。</translation>
    </message>
    <message>
        <source>Name the folder that holds config.json and the .safetensors files, or one .gguf file.</source>
        <translation>请指定含有 config.json 和 .safetensors 文件的文件夹，或一个 .gguf 文件。</translation>
    </message>
    <message>
        <source>No model is loaded.</source>
        <translation>尚未加载模型。</translation>
    </message>
    <message>
        <source>No model was named.</source>
        <translation>没有指定模型。</translation>
    </message>
    <message>
        <source>No type was chosen to build.</source>
        <translation>没有选择要构建的类型。</translation>
    </message>
    <message>
        <source>None of the R1 models fits into the {free} GB of memory that are free.</source>
        <translation>可用内存只有 {free} GB，放不下任何 R1 模型。</translation>
    </message>
    <message>
        <source>On Debian or Ubuntu: apt install {packages}</source>
        <translation>在 Debian 或 Ubuntu 上：apt install {packages}</translation>
    </message>
    <message>
        <source>Only {free} GB of {total} GB of memory are free.</source>
        <translation>{total} GB 内存中只有 {free} GB 可用。</translation>
    </message>
    <message>
        <source>Open a smaller file, or cut out the part you need.</source>
        <translation>请打开较小的文件，或只截取需要的部分。</translation>
    </message>
    <message>
        <source>Open a text file, such as program source or data.</source>
        <translation>请打开文本文件，例如程序源代码或数据。</translation>
    </message>
    <message>
        <source>Open the chat again.</source>
        <translation>请重新打开聊天。</translation>
    </message>
    <message>
        <source>Other programs hold more than half of the memory of {name}.</source>
        <translation>其他程序占用了 {name} 一半以上的内存。</translation>
    </message>
    <message>
        <source>Put it back, or get the model again.</source>
        <translation>请把它放回原处，或重新获取模型。</translation>
    </message>
    <message>
        <source>Repair the installation, or allow the program in your security software.</source>
        <translation>请修复安装，或在安全软件中允许此程序。</translation>
    </message>
    <message>
        <source>Restart the computer; if that does not help, install the driver again.</source>
        <translation>请重启电脑；如果仍无效，请重新安装驱动。</translation>
    </message>
    <message>
        <source>Runs on the processor: {weights} weights + {cache} cache + {buffers} buffers with a context of {context} tokens, {ram} of RAM free.</source>
        <translation>在处理器上运行：{weights} 权重 + {cache} 缓存 + {buffers} 缓冲区，上下文为 {context} 个词元，内存可用 {ram}。</translation>
    </message>
    <message>
        <source>Save under another name, or overwrite it, or reload it and lose the changes made here.</source>
        <translation>请以其他名称保存、覆盖它，或重新载入并丢弃在此所做的更改。</translation>
    </message>
    <message>
        <source>See `stillroom list` for the models to choose from.</source>
        <translation>可选的模型见 `stillroom list`。</translation>
    </message>
    <message>
        <source>See whether {endpoint} opens in a browser, and check HF_ENDPOINT where it is used.</source>
        <translation>请查看 {endpoint} 能否在浏览器中打开；如果使用了 HF_ENDPOINT，也请检查。</translation>
    </message>
    <message>
        <source>See whether {endpoint}/{repo} opens in a browser.</source>
        <translation>请查看 {endpoint}/{repo} 能否在浏览器中打开。</translation>
    </message>
    <message>
        <source>Select fewer lines, or load the model with a larger context.</source>
        <translation>请少选几行，或用更大的上下文加载模型。</translation>
    </message>
    <message>
        <source>Send the message again: the model is loaded again by itself. If it happens again, choose a smaller model or context.</source>
        <translation>请重新发送消息：模型会自动重新加载。如果再次发生，请选择更小的模型或上下文。</translation>
    </message>
    <message>
        <source>Send the message again: the model is loaded again by itself. If it happens again, load it with a smaller context or fewer layers on the graphics card.</source>
        <translation>请重新发送消息：模型会自动重新加载。如果再次发生，请减小上下文或显卡层数后加载。</translation>
    </message>
    <message>
        <source>Set HF_TOKEN to a valid token, or remove it: public models need none.</source>
        <translation>请把 HF_TOKEN 设为有效的令牌，或将其移除：公开模型不需要令牌。</translation>
    </message>
    <message>
        <source>Set flash attention to automatic, or the KV cache to f16.</source>
        <translation>请把 Flash attention 设为自动，或把 KV 缓存设为 f16。</translation>
    </message>
    <message>
        <source>Shorten it, or choose a larger context with --context.</source>
        <translation>请缩短它，或用 --context 选择更大的上下文。</translation>
    </message>
    <message>
        <source>Shorten the conversation, or load the model with a larger context.</source>
        <translation>请缩短对话，或用更大的上下文加载模型。</translation>
    </message>
    <message>
        <source>Some settings could not be used and are back to their defaults: {names}.</source>
        <translation>部分设置无法使用，已恢复默认值：{names}。</translation>
    </message>
    <message>
        <source>Something went wrong that Stillroom did not expect: {reason}.</source>
        <translation>发生了 Stillroom 未预料到的错误：{reason}。</translation>
    </message>
    <message>
        <source>Start Stillroom from a desktop session for the window.</source>
        <translation>请从桌面会话启动 Stillroom 以使用窗口。</translation>
    </message>
    <message>
        <source>Start a new chat, or remove the system prompt and try again.</source>
        <translation>请开始新聊天，或移除系统提示词后重试。</translation>
    </message>
    <message>
        <source>Start the download again; files that are the same are kept.</source>
        <translation>请重新开始下载；相同的文件会保留。</translation>
    </message>
    <message>
        <source>Stillroom converts models with a byte-level BPE vocabulary. Look for a ready-made GGUF file.</source>
        <translation>Stillroom 只转换使用字节级 BPE 词表的模型。请寻找现成的 GGUF 文件。</translation>
    </message>
    <message>
        <source>Stillroom converts plain Llama, Qwen2 and Qwen3 models; use the model&apos;s original weights.</source>
        <translation>Stillroom 只转换标准的 Llama、Qwen2 和 Qwen3 模型；请使用模型的原始权重。</translation>
    </message>
    <message>
        <source>Stillroom converts safetensors only: choose a repository that has them.</source>
        <translation>Stillroom 只转换 safetensors：请选择含有它们的仓库。</translation>
    </message>
    <message>
        <source>Stillroom converts {supported}. For another model, look for a ready-made GGUF file.</source>
        <translation>Stillroom 可转换 {supported}。其他模型请寻找现成的 GGUF 文件。</translation>
    </message>
    <message>
        <source>Stillroom does not build the type {type}.</source>
        <translation>Stillroom 不构建 {type} 类型。</translation>
    </message>
    <message>
        <source>Stillroom may not write to {folders}.</source>
        <translation>Stillroom 无权写入 {folders}。</translation>
    </message>
    <message>
        <source>The GGUF file {file} has the format version {version}, which llama.cpp does not read here.</source>
        <translation>GGUF 文件 {file} 的格式版本为 {version}，此处的 llama.cpp 无法读取。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {reason}.</source>
        <translation>GGUF 文件 {file} 已损坏：{reason}。</translation>
    </message>
    <message>
        <source>The address {address} names no model repository.</source>
        <translation>网址 {address} 不是模型仓库的地址。</translation>
    </message>
    <message>
        <source>The architecture {architecture} is not supported.</source>
        <translation>不支持 {architecture} 架构。</translation>
    </message>
    <message>
        <source>The attention heads in config.json do not fit together ({heads} heads, {kv_heads} for keys, {head_dim} wide).</source>
        <translation>config.json 中的注意力头互不匹配（{heads} 个头，键 {kv_heads} 个，宽度 {head_dim}）。</translation>
    </message>
    <message>
        <source>The benchmark history could not be read or written: {reason}.</source>
        <translation>无法读取或写入基准测试记录：{reason}。</translation>
    </message>
    <message>
        <source>The benchmark history was written by a newer Stillroom (schema {found}, here {known}).</source>
        <translation>基准测试记录由更新版本的 Stillroom 写入（schema {found}，此处为 {known}）。</translation>
    </message>
    <message>
        <source>The benchmark&apos;s reply ended after {found} of {wanted} tokens.</source>
        <translation>基准测试的回答只生成了 {wanted} 个词元中的 {found} 个。</translation>
    </message>
    <message>
        <source>The build process ended unexpectedly (code {code}).</source>
        <translation>构建进程意外结束（代码 {code}）。</translation>
    </message>
    <message>
        <source>The card {name} is not used: its driver {driver} is too old for CUDA 13.</source>
        <translation>未使用显卡 {name}：其驱动 {driver} 太旧，不支持 CUDA 13。</translation>
    </message>
    <message>
        <source>The chat could not be written to {path}: {reason}.</source>
        <translation>无法把聊天写入 {path}：{reason}。</translation>
    </message>
    <message>
        <source>The chats could not be read or saved: {reason}.</source>
        <translation>无法读取或保存聊天：{reason}。</translation>
    </message>
    <message>
        <source>The checkpoint has no tensor {tensor}.</source>
        <translation>检查点中没有张量 {tensor}。</translation>
    </message>
    <message>
        <source>The checkpoint has no {file}.</source>
        <translation>检查点中没有 {file}。</translation>
    </message>
    <message>
        <source>The checkpoint holds the tensor {tensor}, which {architecture} models do not have.</source>
        <translation>检查点含有张量 {tensor}，而 {architecture} 模型没有此张量。</translation>
    </message>
    <message>
        <source>The computer has {total} GB of memory, enough for the smallest models only.</source>
        <translation>本机内存为 {total} GB，只够运行最小的模型。</translation>
    </message>
    <message>
        <source>The config.json of {repo} cannot be read.</source>
        <translation>无法读取 {repo} 的 config.json。</translation>
    </message>
    <message>
        <source>The deleted model is gone for good.</source>
        <translation>已删除的模型无法恢复。</translation>
    </message>
    <message>
        <source>The disk has {free} GB free; {model} needs {need} GB while it is built.</source>
        <translation>磁盘可用 {free} GB；构建 {model} 期间需要 {need} GB。</translation>
    </message>
    <message>
        <source>The disk of {folder} is full.</source>
        <translation>{folder} 所在的磁盘已满。</translation>
    </message>
    <message>
        <source>The disk of {folder} is too full: the build needs {needed_gb} GB and {free_gb} GB are free.</source>
        <translation>{folder} 所在的磁盘空间不足：构建需要 {needed_gb} GB，可用 {free_gb} GB。</translation>
    </message>
    <message>
        <source>The download cannot be written to {folder}: {reason}.</source>
        <translation>无法把下载内容写入 {folder}：{reason}。</translation>
    </message>
    <message>
        <source>The download needs {needed} more on {folder}, and {free} are free.</source>
        <translation>下载还需要在 {folder} 占用 {needed}，目前可用 {free}。</translation>
    </message>
    <message>
        <source>The engine could not be started: {reason}.</source>
        <translation>无法启动引擎：{reason}。</translation>
    </message>
    <message>
        <source>The engine stopped unexpectedly ({reason}).</source>
        <translation>引擎意外停止（{reason}）。</translation>
    </message>
    <message>
        <source>The engine stopped {times} times within a minute, so it is not started again by itself.</source>
        <translation>引擎在一分钟内停止了 {times} 次，因此不再自动启动。</translation>
    </message>
    <message>
        <source>The engine was ended from outside, most likely because the memory ran out.</source>
        <translation>引擎被外部终止，很可能是内存耗尽。</translation>
    </message>
    <message>
        <source>The file may be damaged or of a kind this llama.cpp does not know: build or download it again.</source>
        <translation>文件可能已损坏，或是此 llama.cpp 不认识的类型：请重新构建或下载。</translation>
    </message>
    <message>
        <source>The file may be damaged. Download the model again, or choose another one.</source>
        <translation>文件可能已损坏。请重新下载模型，或选择其他模型。</translation>
    </message>
    <message>
        <source>The file of {name} {type} is gone: {path}.</source>
        <translation>{name} {type} 的文件已不存在：{path}。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: {reason}.</source>
        <translation>文件 tokenizer.json 已损坏：{reason}。</translation>
    </message>
    <message>
        <source>The file {file} cannot be read: {reason}.</source>
        <translation>无法读取文件 {file}：{reason}。</translation>
    </message>
    <message>
        <source>The file {file} does not exist.</source>
        <translation>文件 {file} 不存在。</translation>
    </message>
    <message>
        <source>The file {file} is damaged.</source>
        <translation>文件 {file} 已损坏。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: {reason}.</source>
        <translation>文件 {file} 已损坏：{reason}。</translation>
    </message>
    <message>
        <source>The file {file} is not a GGUF file.</source>
        <translation>文件 {file} 不是 GGUF 文件。</translation>
    </message>
    <message>
        <source>The file {file} is too large to be what its name says.</source>
        <translation>文件 {file} 太大，与其名称不符。</translation>
    </message>
    <message>
        <source>The files themselves can be used; get the model again to make the record anew.</source>
        <translation>文件本身可以使用；重新获取模型即可重建记录。</translation>
    </message>
    <message>
        <source>The folder {folder} holds no checkpoint: there is no config.json in it.</source>
        <translation>文件夹 {folder} 不含检查点：其中没有 config.json。</translation>
    </message>
    <message>
        <source>The graphics card ({name}) is not used: llama.cpp has {backends}, but sees no device.</source>
        <translation>未使用显卡（{name}）：llama.cpp 支持 {backends}，但没有检测到设备。</translation>
    </message>
    <message>
        <source>The graphics card ({name}) is not used: llama.cpp was built for the processor only.</source>
        <translation>未使用显卡（{name}）：llama.cpp 仅为处理器构建。</translation>
    </message>
    <message>
        <source>The log holds the details; `stillroom doctor` says where it is.</source>
        <translation>详情见日志；`stillroom doctor` 会显示日志位置。</translation>
    </message>
    <message>
        <source>The message has {tokens} tokens, too many for a context of {context}.</source>
        <translation>消息有 {tokens} 个词元，超出了 {context} 的上下文。</translation>
    </message>
    <message>
        <source>The model cannot be written to {folder}: {reason}.</source>
        <translation>无法把模型写入 {folder}：{reason}。</translation>
    </message>
    <message>
        <source>The model could not go on with this reply.</source>
        <translation>模型无法继续这个回答。</translation>
    </message>
    <message>
        <source>The model file {name} could not be read: {reason}.</source>
        <translation>无法读取模型文件 {name}：{reason}。</translation>
    </message>
    <message>
        <source>The model folder {folder} is in use by another Stillroom.</source>
        <translation>模型文件夹 {folder} 正被另一个 Stillroom 使用。</translation>
    </message>
    <message>
        <source>The model&apos;s chat template cannot be read: {reason}.</source>
        <translation>无法读取模型的聊天模板：{reason}。</translation>
    </message>
    <message>
        <source>The model&apos;s chat template refused this conversation: {reason}.</source>
        <translation>模型的聊天模板拒绝了此对话：{reason}。</translation>
    </message>
    <message>
        <source>The name {name} cannot be a file&apos;s name.</source>
        <translation>{name} 不能用作文件名。</translation>
    </message>
    <message>
        <source>The network is switched off by HF_HUB_OFFLINE.</source>
        <translation>网络已被 HF_HUB_OFFLINE 关闭。</translation>
    </message>
    <message>
        <source>The old file is kept as {path}.</source>
        <translation>旧文件保留为 {path}。</translation>
    </message>
    <message>
        <source>The position scaling {scaling} in config.json is not supported.</source>
        <translation>不支持 config.json 中的位置缩放 {scaling}。</translation>
    </message>
    <message>
        <source>The processor has no AVX2: use Stillroom&apos;s portable build, which has code for older processors.</source>
        <translation>处理器没有 AVX2：请使用 Stillroom 的便携版，其中含有适用于旧处理器的代码。</translation>
    </message>
    <message>
        <source>The report could not be saved as {name}: {reason}.</source>
        <translation>无法把报告保存为 {name}：{reason}。</translation>
    </message>
    <message>
        <source>Write something first.</source>
        <translation>请先写点内容。</translation>
    </message>
    <message>
        <source>llama.cpp could not load {name}.</source>
        <translation>llama.cpp 无法加载 {name}。</translation>
    </message>
    <message>
        <source>llama.cpp could not quantise the model to {type}.</source>
        <translation>llama.cpp 无法把模型量化为 {type}。</translation>
    </message>
    <message>
        <source>llama.cpp does not start. {reason} {native}</source>
        <translation>llama.cpp 无法启动。{reason} {native}</translation>
    </message>
    <message>
        <source>The processor {name} has no AVX2, so models run several times slower on it.</source>
        <translation>处理器 {name} 没有 AVX2，模型运行会慢数倍。</translation>
    </message>
    <message>
        <source>The prompt has {prompt_tokens} tokens, but the context holds {context_tokens}.</source>
        <translation>提示词有 {prompt_tokens} 个词元，而上下文只能容纳 {context_tokens} 个。</translation>
    </message>
    <message>
        <source>The prompt is empty.</source>
        <translation>提示词为空。</translation>
    </message>
    <message>
        <source>The record of {name} is damaged, so where its files came from is not known.</source>
        <translation>{name} 的记录已损坏，因此无法得知其文件的来源。</translation>
    </message>
    <message>
        <source>The selection needs {tokens} tokens, and {budget} are left for the question.</source>
        <translation>所选内容需要 {tokens} 个词元，而留给问题的只有 {budget} 个。</translation>
    </message>
    <message>
        <source>The server gives no sizes and checksums for {repo}, so a download could not be verified.</source>
        <translation>服务器没有给出 {repo} 的大小和校验和，因此无法校验下载。</translation>
    </message>
    <message>
        <source>The setting {setting} = {value} in config.json is not supported.</source>
        <translation>不支持 config.json 中的设置 {setting} = {value}。</translation>
    </message>
    <message>
        <source>The setting {setting} = {value} in config.json makes no sense.</source>
        <translation>config.json 中的设置 {setting} = {value} 不合理。</translation>
    </message>
    <message>
        <source>The settings could not be saved to {path}: {reason}.</source>
        <translation>无法把设置保存到 {path}：{reason}。</translation>
    </message>
    <message>
        <source>The settings file was damaged; the defaults are used.</source>
        <translation>设置文件已损坏，已使用默认值。</translation>
    </message>
    <message>
        <source>The starter model belongs to Stillroom.</source>
        <translation>入门模型属于 Stillroom。</translation>
    </message>
    <message>
        <source>The starter model is not installed.</source>
        <translation>尚未安装入门模型。</translation>
    </message>
    <message>
        <source>The suites are: {known}.</source>
        <translation>可用的测试套件：{known}。</translation>
    </message>
    <message>
        <source>The tensor {tensor} cannot be quantised: its rows are {columns} weights long, which {block} does not divide.</source>
        <translation>张量 {tensor} 无法量化：每行有 {columns} 个权重，不能被 {block} 整除。</translation>
    </message>
    <message>
        <source>The tensor {tensor} has the shape {shape}, but config.json asks for {expected}.</source>
        <translation>张量 {tensor} 的形状为 {shape}，而 config.json 要求 {expected}。</translation>
    </message>
    <message>
        <source>The tensor {tensor} holds weights that are too large for f16.</source>
        <translation>张量 {tensor} 含有超出 f16 范围的权重。</translation>
    </message>
    <message>
        <source>The tensor {tensor} in {file} has the data type {dtype}, which Stillroom does not know.</source>
        <translation>{file} 中的张量 {tensor} 为 Stillroom 不认识的数据类型 {dtype}。</translation>
    </message>
    <message>
        <source>The tensor {tensor} is in {first} and again in {second}.</source>
        <translation>张量 {tensor} 同时出现在 {first} 和 {second} 中。</translation>
    </message>
    <message>
        <source>The tensor {tensor} is not in the index of the weights.</source>
        <translation>张量 {tensor} 不在权重索引中。</translation>
    </message>
    <message>
        <source>The tensor {tensor} is not in {file}, where the index has it.</source>
        <translation>索引指出张量 {tensor} 在 {file} 中，但其中没有。</translation>
    </message>
    <message>
        <source>The tensor {tensor} is stored as {dtype}, which Stillroom does not convert.</source>
        <translation>张量 {tensor} 以 {dtype} 存储，Stillroom 不能转换此类型。</translation>
    </message>
    <message>
        <source>The text is still here. Save it under another name or in another folder.</source>
        <translation>文本仍在这里。请以其他名称保存，或保存到其他文件夹。</translation>
    </message>
    <message>
        <source>The tokenizer has {tokens} tokens, but the model&apos;s vocabulary ends at {vocabulary}.</source>
        <translation>分词器有 {tokens} 个词元，而模型的词表只到 {vocabulary}。</translation>
    </message>
    <message>
        <source>The tokenizer model {kind} is not supported.</source>
        <translation>不支持分词器模型 {kind}。</translation>
    </message>
    <message>
        <source>The window may not open: system libraries are missing. The commands work.</source>
        <translation>窗口可能无法打开：缺少系统库。命令可以使用。</translation>
    </message>
    <message>
        <source>The window needs glibc {needed} or newer; this system has {found}. The commands work.</source>
        <translation>窗口需要 glibc {needed} 或更新版本；此系统为 {found}。命令可以使用。</translation>
    </message>
    <message>
        <source>The {setting} is {value}; it must lie between {low} and {high}.</source>
        <translation>{setting} 为 {value}，必须在 {low} 与 {high} 之间。</translation>
    </message>
    <message>
        <source>There are no safetensors weights in {folder}.</source>
        <translation>{folder} 中没有 safetensors 权重。</translation>
    </message>
    <message>
        <source>There is an NVIDIA card, but NVIDIA&apos;s driver is not installed or not loaded.</source>
        <translation>有 NVIDIA 显卡，但 NVIDIA 驱动未安装或未加载。</translation>
    </message>
    <message>
        <source>There is no benchmark suite named {name}.</source>
        <translation>没有名为 {name} 的基准测试套件。</translation>
    </message>
    <message>
        <source>There is no checkpoint in {folder}: config.json is missing.</source>
        <translation>{folder} 中没有检查点：缺少 config.json。</translation>
    </message>
    <message>
        <source>There is no display here, so the window cannot open. The commands work.</source>
        <translation>这里没有显示器，窗口无法打开。命令可以使用。</translation>
    </message>
    <message>
        <source>There is no model called {name}.</source>
        <translation>没有名为 {name} 的模型。</translation>
    </message>
    <message>
        <source>There is no model on this computer yet.</source>
        <translation>本机还没有模型。</translation>
    </message>
    <message>
        <source>There is no setting named {name}.</source>
        <translation>没有名为 {name} 的设置。</translation>
    </message>
    <message>
        <source>There is not enough memory for {name} with a context of {context_tokens} tokens.</source>
        <translation>内存不足，无法以 {context_tokens} 个词元的上下文运行 {name}。</translation>
    </message>
    <message>
        <source>These chats were written by a newer Stillroom (schema {found}, this one knows {known}).</source>
        <translation>这些聊天由更新版本的 Stillroom 写入（schema {found}，此版本支持 {known}）。</translation>
    </message>
    <message>
        <source>This benchmark report has the format {schema} {version}, which this Stillroom cannot read.</source>
        <translation>此基准测试报告的格式为 {schema} {version}，此版本的 Stillroom 无法读取。</translation>
    </message>
    <message>
        <source>This chat no longer exists.</source>
        <translation>此聊天已不存在。</translation>
    </message>
    <message>
        <source>This checkpoint is already quantised ({method}).</source>
        <translation>此检查点已经量化（{method}）。</translation>
    </message>
    <message>
        <source>This is not a benchmark report of Stillroom: {reason}.</source>
        <translation>这不是 Stillroom 的基准测试报告：{reason}。</translation>
    </message>
    <message>
        <source>This message no longer exists.</source>
        <translation>此消息已不存在。</translation>
    </message>
    <message>
        <source>This model is on this computer already, so there is nothing to download.</source>
        <translation>此模型已在本机，无需下载。</translation>
    </message>
    <message>
        <source>This model splits text in a way that Stillroom does not know ({splitting}).</source>
        <translation>此模型的文本切分方式是 Stillroom 不认识的（{splitting}）。</translation>
    </message>
    <message>
        <source>Token {token} is not in the model&apos;s vocabulary of {vocabulary}.</source>
        <translation>词元 {token} 不在模型的词表（{vocabulary} 个）中。</translation>
    </message>
    <message>
        <source>Tokenise the text with the model that is loaded.</source>
        <translation>请用已加载的模型对文本分词。</translation>
    </message>
    <message>
        <source>Too large: {needed} of RAM needed with a context of {context} tokens, {ram} free.</source>
        <translation>太大：需要 {needed} 内存，上下文为 {context} 个词元，可用 {ram}。</translation>
    </message>
    <message>
        <source>Try again in some minutes.</source>
        <translation>请几分钟后重试。</translation>
    </message>
    <message>
        <source>Try again later or on another network; something between here and the server changes the data.</source>
        <translation>请稍后或换个网络重试；本机与服务器之间有某个环节改动了数据。</translation>
    </message>
    <message>
        <source>Try again later, or use another HF_ENDPOINT.</source>
        <translation>请稍后重试，或使用其他 HF_ENDPOINT。</translation>
    </message>
    <message>
        <source>Try again; if it happens again, load the model with a smaller context or with fewer layers on the graphics card.</source>
        <translation>请重试；如果再次发生，请减小上下文或显卡层数后加载模型。</translation>
    </message>
    <message>
        <source>Try again; if it happens again, the memory may be too small or a file may be damaged.</source>
        <translation>请重试；如果再次发生，可能是内存不足或文件损坏。</translation>
    </message>
    <message>
        <source>Try again; the log holds the details.</source>
        <translation>请重试；详情见日志。</translation>
    </message>
    <message>
        <source>Unload the model first, then try again.</source>
        <translation>请先卸载模型，然后重试。</translation>
    </message>
    <message>
        <source>Unset HF_HUB_OFFLINE to download; models on disk work without.</source>
        <translation>要下载，请取消设置 HF_HUB_OFFLINE；已在本机的模型无需联网。</translation>
    </message>
    <message>
        <source>Update Stillroom to open it. The file has not been changed.</source>
        <translation>请更新 Stillroom 后再打开。文件没有被更改。</translation>
    </message>
    <message>
        <source>Update Stillroom to open them. The file has not been changed.</source>
        <translation>请更新 Stillroom 后再打开。文件没有被更改。</translation>
    </message>
    <message>
        <source>Update Stillroom to read it.</source>
        <translation>请更新 Stillroom 后再读取。</translation>
    </message>
    <message>
        <source>Use Debian 12, Ubuntu 22.04 or newer.</source>
        <translation>请使用 Debian 12、Ubuntu 22.04 或更新版本。</translation>
    </message>
    <message>
        <source>Use huggingface.co, or another HF_ENDPOINT.</source>
        <translation>请使用 huggingface.co 或其他 HF_ENDPOINT。</translation>
    </message>
    <message>
        <source>Use it with: stillroom chat {file}</source>
        <translation>使用命令：stillroom chat {file}</translation>
    </message>
    <message>
        <source>Use the model&apos;s original weights in bf16, f16 or f32.</source>
        <translation>请使用模型的 bf16、f16 或 f32 原始权重。</translation>
    </message>
    <message>
        <source>Wait for it, or stop it first.</source>
        <translation>请等待它结束，或先将其停止。</translation>
    </message>
    <message>
        <source>Wait until it is done.</source>
        <translation>请等待它结束。</translation>
    </message>
    <message>
        <source>Wait until that build has ended, or cancel it.</source>
        <translation>请等待该构建结束，或将其取消。</translation>
    </message>
    <message>
        <source>the text is too long to tokenise</source>
        <translation>文本太长，无法分词</translation>
    </message>
    <message>
        <source>{file} arrived damaged twice: its checksum is not the one that the repository names.</source>
        <translation>{file} 两次下载后都已损坏：其校验和与仓库给出的不符。</translation>
    </message>
    <message>
        <source>{file} cannot be read: {reason}.</source>
        <translation>无法读取 {file}：{reason}。</translation>
    </message>
    <message>
        <source>{file} is built already.</source>
        <translation>{file} 已经构建。</translation>
    </message>
    <message>
        <source>{file} is in use.</source>
        <translation>{file} 正在使用中。</translation>
    </message>
    <message>
        <source>{file} is no GGUF file.</source>
        <translation>{file} 不是 GGUF 文件。</translation>
    </message>
    <message>
        <source>{file} is one part of a split GGUF, which Stillroom does not join.</source>
        <translation>{file} 是拆分 GGUF 的一部分，Stillroom 不会合并。</translation>
    </message>
    <message>
        <source>{file} of {repo} has changed on the server since the download began.</source>
        <translation>下载开始后，服务器上 {repo} 的 {file} 已更改。</translation>
    </message>
    <message>
        <source>{folder} holds original weights, which must be built before they can run.</source>
        <translation>{folder} 含有原始权重，必须先构建才能运行。</translation>
    </message>
    <message>
        <source>{gpu_layers} of {layers} layers fit on the {gpu} ({free} free), the rest runs on the processor: {needed} with a context of {context} tokens.</source>
        <translation>{layers} 层中有 {gpu_layers} 层可放入 {gpu}（可用 {free}），其余在处理器上运行：共需 {needed}，上下文为 {context} 个词元。</translation>
    </message>
    <message>
        <source>{host} answers, but not as a model hub does.</source>
        <translation>{host} 有响应，但不是模型仓库服务。</translation>
    </message>
    <message>
        <source>{host} cannot be reached.</source>
        <translation>无法连接 {host}。</translation>
    </message>
    <message>
        <source>{host} does not accept the access token.</source>
        <translation>{host} 不接受此访问令牌。</translation>
    </message>
    <message>
        <source>{host} has disabled {repo}.</source>
        <translation>{host} 已禁用 {repo}。</translation>
    </message>
    <message>
        <source>{host} has no model {repo}, or it is private.</source>
        <translation>{host} 上没有模型 {repo}，或它是私有的。</translation>
    </message>
    <message>
        <source>{host} is too busy to answer.</source>
        <translation>{host} 太忙，无法响应。</translation>
    </message>
    <message>
        <source>{host} redirects in a circle.</source>
        <translation>{host} 循环重定向。</translation>
    </message>
    <message>
        <source>{host} redirects to an unencrypted address, which Stillroom does not follow.</source>
        <translation>{host} 重定向到未加密的网址，Stillroom 不会跟随。</translation>
    </message>
    <message>
        <source>{host} refuses to send {file} (HTTP {status}).</source>
        <translation>{host} 拒绝发送 {file} (HTTP {status})。</translation>
    </message>
    <message>
        <source>{host} refuses to tell about {repo} (HTTP {status}).</source>
        <translation>{host} 拒绝提供 {repo} 的信息 (HTTP {status})。</translation>
    </message>
    <message>
        <source>{name} could not be read: {reason}.</source>
        <translation>无法读取 {name}：{reason}。</translation>
    </message>
    <message>
        <source>{name} could not be saved: {reason}.</source>
        <translation>无法保存 {name}：{reason}。</translation>
    </message>
    <message>
        <source>{name} is a binary file.</source>
        <translation>{name} 是二进制文件。</translation>
    </message>
    <message>
        <source>{name} is being built already.</source>
        <translation>{name} 正在构建。</translation>
    </message>
    <message>
        <source>{name} is larger than 4 MiB.</source>
        <translation>{name} 大于 4 MiB。</translation>
    </message>
    <message>
        <source>{name} is not UTF-8 text (byte {byte}).</source>
        <translation>{name} 不是 UTF-8 文本（字节 {byte}）。</translation>
    </message>
    <message>
        <source>{name} is not on this computer yet.</source>
        <translation>{name} 还不在本机。</translation>
    </message>
    <message>
        <source>{name} is {value}, but must be from {low} to {high}.</source>
        <translation>{name} 为 {value}，必须在 {low} 到 {high} 之间。</translation>
    </message>
    <message>
        <source>{name} was changed by another program since it was opened here.</source>
        <translation>{name} 在此打开后已被其他程序更改。</translation>
    </message>
    <message>
        <source>{name} {type} is not in the store any more.</source>
        <translation>{name} {type} 已不在模型库中。</translation>
    </message>
    <message>
        <source>{name} {type} is there again already.</source>
        <translation>{name} {type} 已经重新存在。</translation>
    </message>
    <message>
        <source>{path} exists already and is another file.</source>
        <translation>{path} 已存在，且是另一个文件。</translation>
    </message>
    <message>
        <source>{repo} asks you to accept its terms before it can be downloaded.</source>
        <translation>{repo} 要求先接受其条款才能下载。</translation>
    </message>
    <message>
        <source>{repo} has no config.json, so its weights cannot be understood.</source>
        <translation>{repo} 没有 config.json，无法识别其权重。</translation>
    </message>
    <message>
        <source>{repo} has no revision {revision}.</source>
        <translation>{repo} 没有版本 {revision}。</translation>
    </message>
    <message>
        <source>{repo} holds a file with an unsafe name, so nothing of it is downloaded.</source>
        <translation>{repo} 含有名称不安全的文件，因此不会下载其中任何内容。</translation>
    </message>
    <message>
        <source>{repo} holds no GGUF file for {wanted}.</source>
        <translation>{repo} 不含 {wanted} 的 GGUF 文件。</translation>
    </message>
    <message>
        <source>{repo} holds no GGUF file.</source>
        <translation>{repo} 不含 GGUF 文件。</translation>
    </message>
    <message>
        <source>{repo} holds no model weights that Stillroom can read.</source>
        <translation>{repo} 不含 Stillroom 能读取的模型权重。</translation>
    </message>
    <message>
        <source>{repo} holds {count} GGUF files, and which one is meant is open.</source>
        <translation>{repo} 含有 {count} 个 GGUF 文件，无法确定指的是哪一个。</translation>
    </message>
    <message>
        <source>{repo} is empty.</source>
        <translation>{repo} 是空的。</translation>
    </message>
    <message>
        <source>{repo} is no Hugging Face id.</source>
        <translation>{repo} 不是 Hugging Face ID。</translation>
    </message>
    <message>
        <source>{repo} offers its weights only as pickles, which can run code, so Stillroom does not read them.</source>
        <translation>{repo} 只以 pickle 提供权重，而 pickle 可能运行代码，因此 Stillroom 不会读取。</translation>
    </message>
</context>
<context>
    <name>fit</name>
    <message>
        <source>Fits on the GPU</source>
        <translation>可放入 GPU</translation>
    </message>
    <message>
        <source>{gpu_layers} of {layers} layers on GPU</source>
        <translation>{layers} 层中 {gpu_layers} 层在 GPU</translation>
    </message>
    <message>
        <source>Runs on the processor</source>
        <translation>在处理器上运行</translation>
    </message>
    <message>
        <source>Too large: {ram} free</source>
        <translation>太大：可用 {ram}</translation>
    </message>
    <message>
        <source>{verdict}: {needed} with a context of {context} tokens</source>
        <translation>{verdict}：{needed}，上下文 {context} 个词元</translation>
    </message>
</context>
</TS>
