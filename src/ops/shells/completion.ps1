# Completion of kioku-mesh for PowerShell. In $PROFILE:
#   kioku-mesh completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName kioku-mesh, kioku-mesh.exe -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text } })
    # An empty word would be lost on its way to a program.
    $new = @(if ($wordToComplete -eq '') { '--new' })
    & kioku-mesh __complete @new '--' @words 2>$null | ForEach-Object {
        if ($_ -eq ':files') { return }
        $value, $description = $_ -split "`t", 2
        $text = if ($value -match '[^\w.,=@%+/:-]') { "'" + $value.Replace("'", "''") + "'" } else { $value }
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $description)
    }
}
